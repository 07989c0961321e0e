/** The flags of `service create` and `service update`, as their help shows them. */
import type { Command } from "commander";
import { parseDurationMs } from "../util/units.ts";
import { many } from "./command.ts";
import { nodeLossFlags } from "./node-loss-flags.ts";
import { addRolloutFlags } from "./rollout-flags.ts";

export type WaitFlags = { readonly detach?: boolean; readonly waitTimeout?: string };

export type Waiting = { readonly detach: boolean; readonly timeoutMs: number | null };

/** Wrong words are found before anything is changed. */
export function waiting({ detach = false, waitTimeout }: WaitFlags): Waiting {
  return { detach, timeoutMs: waitTimeout === undefined ? null : parseDurationMs(waitTimeout, "--wait-timeout") };
}

/** Of waits for a rollout the record says when they are over; of all others this does. */
export const WAIT_TIMEOUT_MS = 120_000;

export function waitFlags(command: Command): Command {
  return command
    .option("-d, --detach", "do not wait for it")
    .option("--wait-timeout <duration>", "how long to wait (2m; for a rollout, until it ends)")
    .option("-q, --quiet", "no progress");
}

export function createFlags(command: Command): Command {
  return bothFlags(
    command
      .option("--name <name>", "name of the service (one made of the image's)")
      .option("--mode <mode>", "replicated, replicated-job, or on every node: global, global-job (replicated)")
      .option("--replicas <n>", "tasks to run, or of a job to complete (1)")
      .option("--runtime <kind>", "container, or process: then the command stands where the image does")
      .option("-p, --publish <port>", "[IP:][PUBLISHED:]TARGET[/udp] on the task's node; 0 takes a free port", many)
      .option("-e, --env <name=value>", "environment variable; NAME alone takes yours", many)
      .option("--env-file <file>", "file of NAME=value lines", many)
      .option(
        "--mount <mount>",
        "type=bind|volume|tmpfs,source=,target=[,readonly][,shared][,volume-driver=][,volume-opt=NAME=VALUE] or SOURCE:TARGET[:ro]",
        many,
      )
      .option("--constraint <expression>", "where tasks may run: node.labels.zone==a (below)", many)
      .option("--placement-pref <preference>", "spread=KEY, affinity=EXPRESSION or anti-affinity=EXPRESSION", many)
      .option("--generic-resource <kind=count>", "what a node has beside CPU and memory: gpu=2", many)
      .option("--device <device>", "SOURCE[:TARGET][:rwm], a device of the node", many)
      .option("--device-cgroup-rule <rule>", "rule of the device cgroup: c 189:* rmw", many)
      .option("-l, --label <key=value>", "service label", many)
      .option("--container-label <key=value>", "container label", many)
      .option("--sysctl <name=value>", "kernel parameter", many)
      .option("--add-host <name:ip>", "line in /etc/hosts", many),
  );
}

export function updateFlags(command: Command): Command {
  return bothFlags(
    command
      .option("--image <image>", "new image")
      .option("--args <words>", "new arguments")
      .option("--force", "replace every task even if nothing changed")
      .option("--rollback", "nothing else: go back, as `service rollback` does")
      .option("--replicas <n>", "tasks to run, or of a job to complete")
      .option("--publish-add <port>", "add a published port", many)
      .option("--publish-rm <target>", "remove the port with this target (TARGET[/udp])", many)
      .option("--env-add <name=value>", "add or change a variable", many)
      .option("--env-rm <name>", "remove a variable", many)
      .option("--mount-add <mount>", "add a mount, or change the one at its target", many)
      .option("--mount-rm <target>", "remove the mount at this target", many)
      .option("--constraint-add <expression>", "add a constraint", many)
      .option("--constraint-rm <expression>", "remove a constraint", many)
      .option("--placement-pref-add <preference>", "add a placement preference, or change its weight", many)
      .option("--placement-pref-rm <preference>", "remove a placement preference", many)
      .option("--generic-resource-add <kind=count>", "add or change a generic resource", many)
      .option("--generic-resource-rm <kind>", "remove a generic resource", many)
      .option("--device-add <device>", "add a device, or change the one at its target", many)
      .option("--device-rm <path>", "remove the device with this path", many)
      .option("--device-cgroup-rule-add <rule>", "add a rule of the device cgroup", many)
      .option("--device-cgroup-rule-rm <rule>", "remove a rule of the device cgroup", many)
      .option("--label-add <key=value>", "add or change a service label", many)
      .option("--label-rm <key>", "remove a service label", many)
      .option("--container-label-add <key=value>", "add or change a container label", many)
      .option("--container-label-rm <key>", "remove a container label", many)
      .option("--sysctl-add <name=value>", "add or change a kernel parameter", many)
      .option("--sysctl-rm <name>", "remove a kernel parameter", many)
      .option("--host-add <name:ip>", "add a line in /etc/hosts", many)
      .option("--host-rm <name>", "remove a line in /etc/hosts", many),
  );
}

function jobFlags(command: Command): Command {
  return command
    .option("--max-concurrent <n>", "tasks of a job at once; 0 is all of them")
    .option("--retries <n>", "of each task of a job that fails (3)")
    .option("--job-timeout <duration>", "a task of a job that runs longer is stopped, and has failed")
    .option("--job-deadline <duration>", "a run of a job that takes longer is stopped")
    .option("--runs-kept <n>", "so many runs that succeeded are remembered, the newest always (5)")
    .option("--failed-runs-kept <n>", "the same for the others (5)")
    .option("--cron <expression>", "run the job at these times: minute hour day month weekday, or seconds first")
    .option("--tz <zone>", "time zone of --cron, like Europe/Berlin (UTC)")
    .option("--overlap <rule>", "when a time comes while a run is open: skip, replace or allow (skip)")
    .option(
      "--starting-deadline <duration>",
      "a time nobody could run is made up for within this, the latest only (5m)",
    );
}

function healthFlags(command: Command): Command {
  const checked = command
    .option("--health-cmd <command>", "command that says whether the task is healthy")
    .option("--health-interval <duration>", "between checks (30s)")
    .option("--health-timeout <duration>", "of one check (30s)")
    .option("--health-retries <n>", "failures in a row that make it unhealthy (3)")
    .option("--health-start-period <duration>", "failures before this do not count")
    .option("--health-start-interval <duration>", "between checks in the start period")
    .option("--no-healthcheck", "turn off the image's own check");
  for (const [name, purpose] of [
    ["startup", "says that the task has started"],
    ["ready", "says that it may take traffic and counts as updated"],
    ["live", "fails where the task is to be ended"],
  ]) {
    checked
      .option(`--${name}-http <port/path>`, `GET that ${purpose}`)
      .option(`--${name}-http-header <name=value>`, "header of that GET; an empty value removes it", many)
      .option(`--${name}-tcp <port>`, `connection that ${purpose}`)
      .option(`--${name}-cmd <command>`, `command that ${purpose}`)
      .option(`--${name}-opts <key=value,...>`, "delay, interval, timeout, failures, successes of it")
      .option(`--no-${name}-check`, "remove it");
  }
  return checked;
}

function bothFlags(command: Command): Command {
  const placed = healthFlags(jobFlags(command))
    .option("--limit-cpu <cpus>", "at most this many CPUs")
    .option("--limit-memory <size>", "at most this much memory (64m, 1g)")
    .option("--limit-pids <n>", "at most this many processes")
    .option("--reserve-cpu <cpus>", "CPUs counted for placement")
    .option("--reserve-memory <size>", "memory counted for placement")
    .option("--replicas-max-per-node <n>", "tasks of this service on one node; 0 is no limit")
    .option("--platform <os/arch>", "only nodes of this platform, like linux/arm64; any takes it back", many)
    .option("--strategy <kind>", "spread, binpack, or default: the cluster's (default)")
    .option(
      "--rebalance",
      "move tasks, one at a time, onto nodes that have two or more fewer: a node joined or came back",
    )
    .option("--no-rebalance", "leave tasks where they are (default)")
    .option("--gpus <request>", "all, a number, device=ID or none; capabilities= and driver= beside them")
    .option("--restart-condition <kind>", "any, on-failure or none (any)")
    .option("--restart-delay <duration>", "least time before a replacement starts (0s)")
    .option("--restart-backoff-max <duration>", "longest wait of tasks that keep failing early; 0 is none (5m)")
    .option("--restart-max-attempts <n>", "restarts of one slot; 0 is no limit")
    .option("--restart-window <duration>", "attempts older than this do not count")
    .option("--stop-signal <signal>", "instead of SIGTERM")
    .option("--stop-grace-period <duration>", "from the stop signal to SIGKILL (10s)")
    .option("--entrypoint <words>", "instead of the image's")
    .option("-w, --workdir <dir>", "working directory")
    .option("-u, --user <user>", "user inside the container")
    .option("--hostname <name>", "the container's host name")
    .option("--read-only", "mount the root file system read-only")
    .option("--no-read-only", "mount it for writing")
    .option("--init", "run an init inside the container")
    .option("--no-init", "run none")
    .option("-t, --tty", "allocate a terminal")
    .option("--no-tty", "allocate none")
    .option("--cap-add <capability>", "add a capability", many)
    .option("--cap-drop <capability>", "drop a capability", many)
    .option("--log-driver <driver>", "instead of json-file with rotation")
    .option("--log-opt <key=value>", "option of the log driver", many)
    .option("--pull <policy>", "missing, always or never (missing)");
  return waitFlags(addRolloutFlags(nodeLossFlags(placed)));
}
