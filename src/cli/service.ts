/** `shoal service ...` */
import type { Command } from "commander";
import type { Service } from "../model/index.ts";
import type { ServiceSummary } from "../proto/gen/ServiceSummary.ts";
import { parseDurationMs } from "../util/units.ts";
import { action, listFlags, many, type Session } from "./command.ts";
import { usage } from "./exit.ts";
import { showLogs, type LogFlags } from "./logs.ts";
import { allPages } from "./pages.ts";
import { waitForService } from "./progress.ts";
import { serviceMode, shortId, whatRuns } from "./render.ts";
import { applyFlags, newSpec, type SpecFlags } from "./spec-flags.ts";
import { listTasks } from "./task.ts";

type Waiting = { readonly detach?: boolean; readonly waitTimeout?: string };

export function registerService(program: Command): void {
  const service = program.command("service").description("Manage services");
  specFlags(service.command("create [image] [args...]").description("Create a service"))
    .requiredOption("--name <name>", "name of the service")
    .option("--runtime <kind>", "container, or process (then the command follows)")
    .option("-e, --env <name=value>", "environment variable", many)
    .option("-l, --label <key=value>", "service label", many)
    .option(
      "-p, --publish <port>",
      "[IP:][PUBLISHED:]TARGET[/udp] on the task's node; published 0 takes a free port",
      many,
    )
    .option("--mount <mount>", "type=bind|volume|tmpfs,source=,target=[,readonly]", many)
    .option("--constraint <expression>", "node.labels.zone==a", many)
    .passThroughOptions()
    .action(action<SpecFlags & Waiting>(create));
  listFlags(service.command("ls").description("List services")).action(
    action<{ readonly filter?: readonly string[] }>(list),
  );
  listFlags(service.command("ps <service...>").description("List the tasks of services")).action(
    action<{ readonly filter?: readonly string[] }>((session, { filter = [] }, words) =>
      listTasks(session, [...words.map((word) => `service=${word}`), ...filter]),
    ),
  );
  service.command("inspect <service...>").description("Show services in full").action(action(inspect));
  specFlags(service.command("update <service>").description("Change a service"))
    .option("--image <image>", "new image")
    .option("--args <words>", "new arguments")
    .option("--force", "replace every task even if nothing changed")
    .option("--env-add <name=value>", "add or change a variable", many)
    .option("--env-rm <name>", "remove a variable", many)
    .option("--label-add <key=value>", "add or change a service label", many)
    .option("--label-rm <key>", "remove a service label", many)
    .option("--constraint-add <expression>", "add a constraint", many)
    .option("--constraint-rm <expression>", "remove a constraint", many)
    .option("--publish-add <port>", "add a published port", many)
    .option("--publish-rm <target>", "remove the port with this target", many)
    .option("--mount-add <mount>", "add a mount", many)
    .option("--mount-rm <target>", "remove the mount at this target", many)
    .action(action<SpecFlags & Waiting>((session, flags, [id = ""]) => update(session, id, flags, flags)));
  waitFlags(service.command("scale <service=replicas...>").description("Change how many replicas run")).action(
    action<Waiting>(scale),
  );
  waitFlags(service.command("restart <service...>").description("Replace every task, one after the other")).action(
    action<Waiting>(restart),
  );
  service
    .command("logs <service|task...>")
    .description("Show what tasks wrote")
    .option("--follow", "go on as new lines come, also across replacements")
    .option("-n, --tail <lines>", "last lines of each task")
    .option("--since <when>", "duration (10m) or a date")
    .option("-t, --timestamps", "show when")
    .option("--raw", "no task names")
    .action(action<LogFlags>(showLogs));
  service.command("rm <service...>").description("Remove services and their tasks").action(action(remove));
}

function waitFlags(command: Command): Command {
  return command.option("-d, --detach", "do not wait").option("--wait-timeout <duration>", "how long to wait (2m)");
}

function specFlags(command: Command): Command {
  return waitFlags(command)
    .option("--replicas <n>", "tasks to run")
    .option("--container-label <key=value>", "container label", many)
    .option("--limit-cpu <cpus>", "at most this many CPUs")
    .option("--limit-memory <size>", "at most this much memory")
    .option("--limit-pids <n>", "at most this many processes")
    .option("--reserve-cpu <cpus>", "CPUs counted for placement")
    .option("--reserve-memory <size>", "memory counted for placement")
    .option("--restart-condition <kind>", "any, on-failure or none")
    .option("--restart-delay <duration>", "before a replacement starts (5s)")
    .option("--restart-max-attempts <n>", "restarts of one slot; 0 is no limit")
    .option("--restart-window <duration>", "attempts older than this do not count")
    .option("--replicas-max-per-node <n>", "tasks of this service on one node")
    .option("--update-parallelism <n>", "tasks replaced at once (1)")
    .option("--update-order <order>", "stop-first or start-first")
    .option("--stop-signal <signal>", "instead of SIGTERM")
    .option("--stop-grace-period <duration>", "from the stop signal to SIGKILL (10s)")
    .option("--health-cmd <command>", "command that says whether the task is healthy")
    .option("--health-interval <duration>", "between checks")
    .option("--health-timeout <duration>", "of one check")
    .option("--health-retries <n>", "failures in a row that make it unhealthy")
    .option("--health-start-period <duration>", "failures before this do not count")
    .option("--no-healthcheck", "turn off the image's own check")
    .option("-u, --user <user>", "user inside the container")
    .option("-w, --workdir <dir>", "working directory")
    .option("--hostname <name>", "the container's host name")
    .option("--entrypoint <words>", "instead of the image's")
    .option("--read-only", "mount the root file system read-only")
    .option("--init", "run an init inside the container")
    .option("--tty", "allocate a terminal")
    .option("--cap-add <capability>", "add a capability", many)
    .option("--cap-drop <capability>", "drop a capability", many)
    .option("--sysctl <name=value>", "kernel parameter", many)
    .option("--add-host <name:ip>", "line in /etc/hosts", many)
    .option("--log-driver <driver>", "instead of json-file with rotation")
    .option("--log-opt <key=value>", "option of the log driver", many)
    .option("--pull <policy>", "missing, always or never");
}

async function create(session: Session, flags: SpecFlags & Waiting, words: readonly string[]): Promise<void> {
  const { client, out } = session;
  const spec = newSpec(withoutDefaults(flags), words);
  const { service } = await client.call("Control.CreateService", { requestId: client.requestId(), spec });
  if (service === null) return;
  out.say(service.id);
  if (out.isJson) out.json(service);
  await settle(session, service, flags);
  out.say(`Next: shoal service ps ${service.spec?.name ?? service.id}`);
}

/** commander sets `healthcheck` to true for `--no-healthcheck` not given. */
function withoutDefaults(flags: SpecFlags): SpecFlags {
  const { healthcheck, ...rest } = flags;
  return healthcheck === false ? { ...rest, healthcheck } : rest;
}

async function settle(session: Session, service: Service, flags: Waiting): Promise<void> {
  if (flags.detach === true) return;
  await waitForService(session, service.id, parseDurationMs(flags.waitTimeout ?? "2m", "--wait-timeout"));
}

async function list({ client, out }: Session, { filter }: { readonly filter?: readonly string[] }): Promise<void> {
  const services = await allPages(
    (request) => client.call("Control.ListServices", request),
    (page) => page.services,
    filter,
  );
  out.list<ServiceSummary>(
    services,
    [
      { title: "ID", value: ({ service }) => shortId(service?.id ?? "") },
      { title: "NAME", value: ({ service }) => service?.spec?.name ?? "" },
      { title: "MODE", value: ({ service }) => (service === null ? "" : serviceMode(service)) },
      { title: "REPLICAS", value: ({ running, desired }) => `${running}/${desired}` },
      { title: "IMAGE", value: ({ service }) => whatRuns(service?.spec?.task ?? null) },
      { title: "PORTS", value: ({ service }) => publishedPorts(service) },
    ],
    ({ service }) => service?.id ?? "",
    ({ service, running, desired }) => ({ ...service, running, desired }),
  );
}

function publishedPorts(service: Service | null): string {
  const list = service?.spec?.task?.ports ?? [];
  return list
    .map(
      (port) => `${port.published === 0 ? "*" : `*:${port.published}`}->${port.target}/${port.protocol.toLowerCase()}`,
    )
    .join(",");
}

async function inspect({ client, out }: Session, _: object, words: readonly string[]): Promise<void> {
  for (const id of words) {
    const { service, running } = await client.call("Control.GetService", { id });
    const value = { ...service, running };
    out.line(out.isJson ? JSON.stringify(value) : JSON.stringify(value, null, 2));
  }
}

async function update(session: Session, id: string, change: SpecFlags, waiting: Waiting): Promise<void> {
  const { client, out } = session;
  const { service } = await client.call("Control.GetService", { id });
  if (service === null || service.spec === null) return;
  const spec = applyFlags(service.spec, withoutDefaults(change));
  const answer = await client.call("Control.UpdateService", {
    requestId: client.requestId(),
    id: service.id,
    version: service.meta?.version ?? 0,
    spec,
  });
  out.say(service.spec.name);
  if (out.isJson && answer.service !== null) out.json(answer.service);
  await settle(session, service, waiting);
}

async function scale(session: Session, waiting: Waiting, words: readonly string[]): Promise<void> {
  for (const word of words) {
    const [id = "", replicas] = word.split("=", 2);
    if (replicas === undefined) throw usage(`"${word}" is not SERVICE=REPLICAS`);
    await update(session, id, { replicas }, waiting);
  }
}

async function restart(session: Session, waiting: Waiting, words: readonly string[]): Promise<void> {
  for (const id of words) await update(session, id, { force: true }, waiting);
}

async function remove({ client, out }: Session, _: object, words: readonly string[]): Promise<void> {
  for (const id of words) {
    const answer = await client.call("Control.RemoveService", { requestId: client.requestId(), id });
    out.say(id);
    if (out.isJson) out.json({ id: answer.id, removed: true });
  }
}
