// npm run prove -- NAME [--runs N] [--seconds N] [--how kill|stop] [--clients N]
// npm run prove -- mutants [--runs SEEDS] [--seed FROM]
// npm run prove -- chaos [--minutes N] [--seed S] [--managers 3|5]
// Long proofs on real parts, each on a cluster of its own that is removed again. One JSON object a line on standard
// output: one a run, then a summary; progress on standard error. Code 1 where something was lost, moved or restarted
// that must not be: figures are for people to judge, promises are not.
import { parseArgs } from "node:util";

import { cleanUpWhenInterrupted, isTooLate } from "../lib/interruption.ts";
import type { ProofOptions } from "./report.ts";

const PROOFS = {
  failover: {
    what: "the leader's container is killed (--how stop: stopped in order) while clients write",
    runs: 50,
    load: async () => (await import("./failover.ts")).proveFailover,
  },
  partition: {
    what: "the leader's host is cut off by dropped packets while clients write",
    runs: 20,
    load: async () => (await import("./partition.ts")).provePartition,
  },
  "power-cut": {
    what: "a worker host dies at once: its tasks run elsewhere",
    runs: 5,
    load: async () => (await import("./power-cut.ts")).provePowerCut,
  },
  blip: {
    what: "a worker's network is gone for 4 s: nothing is restarted or replaced",
    runs: 10,
    load: async () => (await import("./blip.ts")).proveBlip,
  },
  reboot: {
    what: "every host dies at once and comes back within --seconds: no task moves",
    runs: 1,
    load: async () => (await import("./reboot.ts")).proveReboot,
  },
  "kill-container": {
    what: "a task's container is killed: how long until its replacement runs",
    runs: 50,
    load: async () => (await import("./kill-container.ts")).proveKillContainer,
  },
  idle: {
    what: "memory and CPU of every node of an idle cluster over --seconds",
    runs: 1,
    load: async () => (await import("./idle.ts")).proveIdle,
  },
  logs: {
    what: "memory of agent and managers while a 10 MB/s writer has a reader that reads nothing",
    runs: 1,
    load: async () => (await import("./logs.ts")).proveLogs,
  },
  upgrade: {
    what: "every node becomes a later version under writes, back, and forward again until it is final",
    runs: 1,
    load: async () => (await import("./upgrade.ts")).proveUpgrade,
  },
  nodes: {
    what: "hosts, agents, engines, disks and managers in trouble: every promise about their tasks, one line each",
    runs: 1,
    load: async () => (await import("./nodes.ts")).proveNodes,
  },
  stalls: {
    what: "managers stand still for 300 ms again and again under load, for --seconds: nobody is elected",
    runs: 1,
    load: async () => (await import("./stalls.ts")).proveStalls,
  },
  links: {
    what: "streams between managers: half-open ones are noticed, broken ones are made again",
    runs: 20,
    load: async () => (await import("./links.ts")).proveLinks,
  },
  mutants: {
    what: "bugs of other Rafts, switched on one by one: the simulator of managers finds each within --runs seeds",
    runs: 1_000,
    load: async () => (await import("./mutants.ts")).proveMutants,
  },
  chaos: {
    what: "managers under faults of every kind for --minutes: clients' histories and watches are judged",
    runs: 1,
    load: async () => (await import("./chaos.ts")).proveChaos,
  },
} as const;

const RUNS_MAX = 1_000;
const SECONDS_MAX = 7_200;
const CLIENTS_MAX = 1_000;
const MINUTES_MAX = 1_440;

function usage(problem: string): never {
  const lines = Object.entries(PROOFS).map(([name, { what, runs }]) => `  ${name.padEnd(15)} ${what} (${runs} runs)`);
  process.stderr.write(
    `${problem}\nusage: npm run prove -- NAME [--runs N] [--seconds N] [--clients N] [--how kill|stop]\n` +
      `       npm run prove -- mutants [--runs SEEDS] [--seed FROM]\n` +
      `       npm run prove -- chaos [--minutes N] [--seed S] [--managers 3|5]\n`,
  );
  process.stderr.write(`${lines.join("\n")}\n`);
  process.exit(64);
}

function bounded(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) usage(`--${name} ${text}: 1 to ${max} is possible`);
  return value;
}

function managers(text: string): number {
  if (text !== "3" && text !== "5") usage(`--managers ${text}: 3 or 5`);
  return Number(text);
}

function isProof(name: string): name is keyof typeof PROOFS {
  return Object.hasOwn(PROOFS, name);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string" },
    seconds: { type: "string" },
    clients: { type: "string", default: "8" },
    how: { type: "string", default: "kill" },
    minutes: { type: "string" },
    managers: { type: "string" },
    seed: { type: "string" },
  },
});
const [name = ""] = positionals;
if (!isProof(name)) usage(name === "" ? "Which proof?" : `There is no proof "${name}"`);
if (values.how !== "kill" && values.how !== "stop") usage(`--how ${values.how}: kill or stop`);
const proof = PROOFS[name];
const options: ProofOptions = {
  runs: bounded("runs", values.runs ?? String(proof.runs), RUNS_MAX),
  seconds: values.seconds === undefined ? undefined : bounded("seconds", values.seconds, SECONDS_MAX),
  clients: bounded("clients", values.clients, CLIENTS_MAX),
  how: values.how,
  minutes: values.minutes === undefined ? undefined : bounded("minutes", values.minutes, MINUTES_MAX),
  managers: values.managers === undefined ? undefined : managers(values.managers),
  seed: values.seed === undefined ? undefined : bounded("seed", values.seed, Number.MAX_SAFE_INTEGER),
};
cleanUpWhenInterrupted();
try {
  const prove = await proof.load();
  process.exitCode = (await prove(options)) ? 0 : 1;
} catch (error) {
  if (!isTooLate())
    process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
