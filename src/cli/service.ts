/** `shoal service ...` */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Recovery, Service } from "../model/index.ts";
import type { ServiceSummary } from "../proto/gen/ServiceSummary.ts";
import { isFinished, rolloutRules } from "../model/rollout.ts";
import { jobOf } from "../model/service-mode.ts";
import { AppError } from "../util/errors.ts";
import { realEnv } from "../util/real-env.ts";
import { action, listFlags, staleFlag, type ListFlags, type Session } from "./command.ts";
import { usage } from "./exit.ts";
import { generatedName, NAME_DICE_BYTES } from "./generated-name.ts";
import { addLogFlags, showLogs, type LogFlags } from "./logs.ts";
import { allPages } from "./pages.ts";
import { waitForJob } from "./job-progress.ts";
import { withReplicas } from "./mode-flags.ts";
import { waitForService, type Awaited } from "./progress.ts";
import { registerRebalance } from "./rebalance.ts";
import { registerRuns } from "./service-runs.ts";
import { changeService, type ChangedService } from "./service-change.ts";
import { shown } from "./read-change-write.ts";
import { publishedPorts, replicas, rolloutWord, serviceMode, shortId, whatRuns } from "./render.ts";
import { warnIfWaiting } from "./resume.ts";
import { registerRollout, rollbackOnly } from "./rollout.ts";
import { describeRollout } from "./rollout-progress.ts";
import { createFlags, updateFlags, waitFlags, waiting, type Waiting, type WaitFlags } from "./service-flags.ts";
import { applyFlags, newSpec, type SpecFlags } from "./spec-flags.ts";
import { listTasks } from "./task.ts";
import { count, parseEnvFile } from "./value-syntax.ts";

type UpdateFlags = SpecFlags & WaitFlags & { readonly rollback?: boolean };
type CreateFlags = SpecFlags & WaitFlags & { readonly envFile?: readonly string[] };

const PLACES = `
Constraints (all must hold; KEY is node.id, node.hostname, node.ip, node.role, node.platform.os, node.platform.arch,
node.labels.NAME or engine.labels.NAME):
  KEY == VALUE    KEY != VALUE    KEY in (A, B)    KEY not in (A, B)
  node.labels.NAME exists    node.labels.NAME !exists    node.labels.NAME >= NUMBER
  service == NAME (where a task of it is)    service != NAME (where none is, and none comes)
Preferences:
  --placement-pref spread=node.labels.zone                 evenly over its values; several are levels
  --placement-pref "affinity=node.labels.disk==ssd"        there as long as there is room; anti-affinity= avoids
  --placement-pref "anti-affinity=service==batch,weight=80"`;

const EXAMPLES = `
Flags stand before the image; what follows it is the command.
  shoal service create --name web --replicas 3 -p 8080:80 nginx
  shoal service create --platform linux/arm64 nginx    # is called nginx-x7k2p or so
  shoal service create --name worker -e QUEUE=mail --limit-memory 256m app:1 run --verbose
  shoal service create --name tick --runtime process -- sh -c 'while sleep 1; do date; done'
  shoal service create --name migrate --mode replicated-job --retries 1 app:1 migrate
  shoal service create --name backup --cron "30 2 * * *" --tz Europe/Berlin --job-deadline 1h app:1 backup
${PLACES}`;

export function registerService(service: Command): void {
  createFlags(service.command("create [image] [args...]").description("Create a service"))
    .usage("[options] IMAGE [ARG...]")
    .addHelpText("after", EXAMPLES)
    .passThroughOptions()
    .action(action<CreateFlags>(create));
  listFlags(service.command("ls").description("List services"))
    .addHelpText("after", "\nFilters: name, id, label, mode")
    .action(action<ListFlags>(list));
  listFlags(service.command("ps <service...>").description("List the tasks of services"))
    .addHelpText("after", "\nFilters: node, name, id, label, run, desired-state, state")
    .action(action<ListFlags>(ps));
  staleFlag(service.command("inspect <service...>").description("Show services in full")).action(action(inspect));
  updateFlags(service.command("update <service>").description("Change a service, its tasks one after the other"))
    .addHelpText("after", PLACES)
    .action(action<UpdateFlags>(updateOne));
  waitFlags(service.command("scale <service=replicas...>").description("Change how many replicas run")).action(
    action<WaitFlags>(scale),
  );
  waitFlags(service.command("restart <service...>").description("Replace every task, one after the other")).action(
    action<WaitFlags>(restart),
  );
  addLogFlags(service.command("logs <service|task...>").description("Show what tasks wrote")).action(
    action<LogFlags>(showLogs),
  );
  registerRuns(service);
  registerRollout(service);
  registerRebalance(service);
  service.command("rm <service...>").description("Remove services and their tasks").action(action(remove));
}

async function create(session: Session, flags: CreateFlags, words: readonly string[]): Promise<void> {
  const wait = waiting(flags);
  const name = flags.name ?? nameFor(words);
  const spec = newSpec(given({ ...flags, ...withEnvFiles(flags), name }), words, process.env);
  // Wrong words are found before anybody is looked for.
  const { client, out } = session;
  const answer = await client.call("Control.CreateService", { requestId: client.requestId(), spec });
  const service = shown(answer.service, "service");
  out.say(service.id);
  if (out.isJson) out.json(service);
  if (flags.name === undefined) out.note(`It is called ${name}`);
  noteOrder(session, service);
  await settle(session, [service], { ...wait, isForReplicas: true });
  if (session.failures.length === 0) out.note(`Next: shoal service ${spec.cron ? "runs" : "ps"} ${spec.name}`);
}

function nameFor([what = "", ...args]: readonly string[]): string {
  if (args.some((word) => word === "--name" || word.startsWith("--name=")))
    throw usage("The service has no name", "flags stand before the image; what follows it is the command");
  return generatedName(what, realEnv.randomBytes(NAME_DICE_BYTES));
}

/** Start-first was asked for, or is the default, and will not be. */
function noteOrder({ out }: Session, service: Service): void {
  const { obstacle } = rolloutRules(service);
  if (obstacle !== "" && service.spec?.update) out.note(`Updates stop first, for ${obstacle}`);
}

/** Variables of the command line win over those of files. */
function withEnvFiles({ envFile, env = [] }: CreateFlags): SpecFlags {
  if (envFile === undefined) return {};
  const fromFiles = envFile.flatMap((file) => {
    try {
      return parseEnvFile(readFileSync(file, "utf8"), file);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw usage(`--env-file: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return { env: [...fromFiles, ...env] };
}

/** Of what has only a `--no-…`, commander sets the rest of its name to true when it was not given: that is no wish. */
const ONLY_NEGATED: ReadonlySet<string> = new Set<keyof SpecFlags>([
  "healthcheck",
  "startupCheck",
  "readyCheck",
  "liveCheck",
]);

function given(flags: SpecFlags): SpecFlags {
  return Object.fromEntries(
    Object.entries(flags).filter(([name, value]) => !(ONLY_NEGATED.has(name) && value === true)),
  );
}

/** Everything was changed first, so that one slow service holds up none of the others. */
async function settle(
  session: Session,
  services: readonly Service[],
  { detach, ...awaited }: Waiting & Pick<Awaited, "isForReplicas">,
): Promise<void> {
  if (detach) return;
  await session.each(services, async (service) => {
    const wait = jobOf(service.spec) === null ? waitForService : waitForJob;
    await wait(session, service, awaited);
  });
}

async function list({ client, out }: Session, { filter, trunc = true }: ListFlags): Promise<void> {
  let waits: Recovery | null = null;
  const services = await allPages(
    (request) => client.call("Control.ListServices", request),
    (page) => {
      waits = page.awaitsResume;
      return page.services;
    },
    filter,
  );
  const nowMs = realEnv.wallNow();
  const nameOf = ({ service }: ServiceSummary): string => service?.spec?.name ?? "";
  out.list<ServiceSummary>(
    services.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))),
    [
      { title: "ID", value: ({ service }) => (trunc ? shortId(service?.id ?? "") : (service?.id ?? "")) },
      { title: "NAME", value: nameOf },
      { title: "MODE", value: ({ service }) => (service === null ? "" : serviceMode(service)) },
      {
        title: "REPLICAS",
        value: (summary) => `${replicas(summary, nowMs)}${rolloutWord(summary.service)}`,
        style: ({ ready, desired }) => (ready >= desired ? null : "yellow"),
      },
      { title: "IMAGE", value: ({ service }) => whatRuns(service?.spec?.task ?? null) },
      { title: "PORTS", value: ({ service }) => publishedPorts(service?.spec?.task?.ports ?? []) },
    ],
    ({ service }) => service?.id ?? "",
    ({ service, ...numbers }) => ({ ...service, ...numbers }),
  );
  warnIfWaiting(out, waits);
}

/** A filter that matches nothing shows an empty table; a service that does not exist is an error. */
async function ps(session: Session, flags: ListFlags, words: readonly string[]): Promise<void> {
  const { client } = session;
  const services: Service[] = [];
  await session.each(words, async (id) => {
    const { service } = await client.call("Control.GetService", { id });
    services.push(shown(service, `service "${id}"`));
  });
  if (services.length === 0) return;
  await listTasks(session, [...services.map(({ id }) => `service=${id}`), ...(flags.filter ?? [])], flags);
  for (const { spec, rollout } of services) {
    if (rollout === null || isFinished(rollout.state)) continue;
    session.out.note(`${spec?.name ?? ""}: ${describeRollout(rollout)}`);
  }
}

async function inspect(session: Session, _: object, words: readonly string[]): Promise<void> {
  const { client, out } = session;
  await session.each(words, async (id) => {
    const { service, ...numbers } = await client.call("Control.GetService", { id });
    out.inspect({ ...service, ...numbers });
  });
}

async function updateOne(
  session: Session,
  { rollback = false, ...flags }: UpdateFlags,
  words: readonly string[],
): Promise<void> {
  const { out } = session;
  const [id = ""] = words;
  if (rollback) {
    await rollbackOnly(session, given(flags), words);
    return;
  }
  const wait = waiting(flags);
  const { service, warnings } = await changeService(session, id, (spec) => applyFlags(spec, given(flags), process.env));
  out.changed(service, service.spec?.name ?? id, warnings);
  noteOrder(session, service);
  await settle(session, [service], { ...wait, isForReplicas: flags.replicas !== undefined });
}

async function scale(session: Session, flags: WaitFlags, words: readonly string[]): Promise<void> {
  const wanted = words.map(parseScale);
  const scaled = async ({ id, replicas }: (typeof wanted)[number]): Promise<ChangedService & { said: string }> => ({
    ...(await changeService(session, id, (spec) => ({ ...spec, ...withReplicas(spec, replicas) }))),
    said: `scaled to ${replicas}`,
  });
  await changeAll(session, flags, wanted, scaled, { isForReplicas: true });
}

export function parseScale(word: string): { readonly id: string; readonly replicas: number } {
  const at = word.lastIndexOf("=");
  const id = word.slice(0, Math.max(0, at));
  if (id === "") throw usage(`"${word}" is not SERVICE=REPLICAS`, "write it like web=3");
  return { id, replicas: count(word.slice(at + 1), id) };
}

async function restart(session: Session, flags: WaitFlags, words: readonly string[]): Promise<void> {
  await changeAll(session, flags, words, async (id) => ({
    ...(await changeService(session, id, (spec) => {
      if (spec.cron)
        throw usage(`${spec.name} runs by its schedule`, `run it now with: shoal service run ${spec.name}`);
      return applyFlags(spec, { force: true });
    })),
    said: "restarting",
  }));
}

async function changeAll<T>(
  session: Session,
  flags: WaitFlags,
  items: readonly T[],
  work: (item: T) => Promise<ChangedService & { readonly said: string }>,
  awaited: Pick<Awaited, "isForReplicas"> = {},
): Promise<void> {
  const { out } = session;
  const wait = waiting(flags);
  const changed: Service[] = [];
  await session.each(items, async (item) => {
    const { service, said, warnings } = await work(item);
    out.changed(service, `${service.spec?.name ?? service.id} ${said}`, warnings);
    changed.push(service);
  });
  await settle(session, changed, { ...wait, ...awaited });
}

async function remove(session: Session, _: object, words: readonly string[]): Promise<void> {
  const { client, out } = session;
  await session.each(words, async (word) => {
    const answer = await client.call("Control.RemoveService", { requestId: client.requestId(), id: word });
    out.changed({ id: answer.id, removed: true }, word, answer.warnings);
  });
}
