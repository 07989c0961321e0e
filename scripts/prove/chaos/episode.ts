// One round: clients and watchers at work, faults, healing, and then the verdict on all that was seen.
import { newId } from "../../../src/util/id.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import type { HostCluster } from "../../../test/support/host-cluster.ts";
import { waitFor } from "../../lib/run.ts";
import { sleep } from "../report.ts";
import { RegisterClient, ServiceClient, specOf } from "./clients.ts";
import { Faults } from "./faults.ts";
import { History } from "./history.ts";
import type { Counts } from "./history.ts";
import { Managers } from "./managers.ts";
import type { Monitor } from "./managers.ts";
import { FAULT_KINDS } from "./schedule.ts";
import type { PlannedFault } from "./schedule.ts";
import { judgeEvidence } from "./verdict.ts";
import type { Evidence } from "./verdict.ts";
import { readChanges, readState, WatchClient } from "./watchers.ts";
import type { WatchHabit } from "./watchers.ts";
import type { Snapshot, Testimony } from "./change-log.ts";

const REGISTERS = 8;
const SERVICES = 8;
const REGISTER_CLIENTS = 8;
const SERVICE_CLIENTS = 8;
/** Work that goes on after the last fault. */
const AFTER_MS = 2_000;
const SETTLE_MS = 120_000;
/** A watcher may sit on a connection whose other end is gone for keepalive's time, 10 s. */
const CATCH_UP_MS = 60_000;
const FINAL_READ_MS = 20_000;
/** What is left then makes the run vacuous, and that is said. */
const LEFT_OVER_MS_MAX = 60_000;
const LEFT_OVER = { afterMs: 500, afterProgress: true, lastsMs: 500, victim: "follower", dice: 0 } as const;
/** Progress is so many acknowledged changes more, and waited for so long. */
const PROGRESS = 10;
const PROGRESS_MS_MAX = 10_000;
/** Faults go on while clients have seen too little, up to this: a busy machine takes its time. */
const STRIKE_MS_MAX = 150_000;

const HABITS: readonly WatchHabit[] = [
  { staysMs: 3_600_000, slowShare: 0, kinds: ["service"] },
  { staysMs: 3_600_000, slowShare: 0.5, kinds: ["service"] },
  { staysMs: 4_000, slowShare: 0, kinds: ["service"] },
  { staysMs: 8_000, slowShare: 0, kinds: [] },
];

export type EpisodeOptions = {
  readonly cluster: HostCluster;
  readonly monitor: Monitor;
  readonly plan: Iterator<PlannedFault, never>;
  /** Faults go on for so long, until each kind has happened, and until clients have seen enough. */
  readonly seconds: number;
  readonly isEnough: (counts: Counts) => boolean;
  /** Of its services. */
  readonly prefix: string;
};

export type Episode = {
  readonly faults: Faults;
  readonly history: History;
  readonly watches: { readonly messages: number; readonly resumes: number; readonly compactions: number };
  readonly problems: readonly string[];
  /** Null where the end was not reached. */
  readonly evidence: Evidence | null;
};

export async function runEpisode(options: EpisodeOptions): Promise<Episode> {
  const { cluster, monitor, prefix } = options;
  const history = new History();
  const faults = new Faults(cluster, monitor);
  const names = (count: number, kind: string): string[] =>
    Array.from({ length: count }, (_, at) => `${prefix}-${kind}-${at}`);
  const registers = names(REGISTERS, "register");
  using managers = new Managers(cluster.context);
  for (const name of registers) await create(cluster, name);
  const base = await readState(managers, await upToDate(managers, registers.at(-1) ?? ""), "the beginning");

  const context = cluster.context;
  const working = new AbortController();
  const watching = new AbortController();
  const watchers = HABITS.map((habit, at) => new WatchClient(context, { name: `watcher ${at}`, habit }));
  const services = names(SERVICES, "service");
  const clients = [
    ...Array.from(
      { length: REGISTER_CLIENTS },
      (_, number) => new RegisterClient({ context, history, number, names: registers }),
    ),
    ...Array.from(
      { length: SERVICE_CLIENTS },
      (_, at) => new ServiceClient({ context, history, number: REGISTER_CLIENTS + at, names: services }),
    ),
  ];
  const watches = watchers.map(async (watcher) => await watcher.run(base.version, watching.signal));
  const work = clients.map(async (client) => await client.run(working.signal));
  const problems: string[] = [];
  let evidence: Evidence | null = null;
  try {
    await strike(options, faults, history);
    await faults.heal();
    await sleep(AFTER_MS);
    working.abort();
    await Promise.all(work);
    await settled(cluster, managers);
    const end = await create(cluster, `${prefix}-end`);
    for (const watcher of watchers) {
      await waitFor(`version ${end} at a watcher`, CATCH_UP_MS, () => {
        if (watcher.version >= end) return true;
        throw new Error(`it is at ${watcher.version}`);
      });
    }
    watching.abort();
    await Promise.all(watches);
    const last = await readAll(cluster, managers, { base, end, name: `${prefix}-end` });
    problems.push(...last.problems);
    evidence = {
      base,
      history,
      end,
      testimonies: [...watchers.flatMap((watcher) => watcher.testimonies), ...last.testimonies],
      snapshots: watchers.flatMap((watcher) => watcher.snapshots),
      finals: last.finals,
    };
    problems.push(...judgeEvidence(evidence));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    working.abort();
    watching.abort();
    await faults.heal();
    await Promise.allSettled([...work, ...watches]);
    for (const one of [...clients, ...watchers]) one[Symbol.dispose]();
  }
  problems.push(...faults.problems, ...watchers.flatMap((watcher) => watcher.problems));
  if (problems.length === 0) await removeAll(cluster, prefix);
  const sum = (of: (watcher: WatchClient) => number): number => watchers.reduce((total, one) => total + of(one), 0);
  const counts = {
    messages: sum(({ messages }) => messages),
    resumes: sum(({ resumes }) => resumes),
    compactions: sum(({ compactions }) => compactions),
  };
  return { faults, history, watches: counts, problems, evidence };
}

/** Faults one over the other, and at last, one by one, the kinds that had no chance. */
async function strike({ plan, seconds, isEnough }: EpisodeOptions, faults: Faults, history: History): Promise<void> {
  const begunAt = performance.now();
  const lastedMs = (): number => performance.now() - begunAt;
  const inject = async (fault: PlannedFault): Promise<boolean> => {
    await sleep(fault.afterMs);
    if (fault.afterProgress) await progress(history);
    faults.checkAlive();
    return faults.inject(fault);
  };
  const left: PlannedFault[] = [];
  for (let at = 0; at < FAULT_KINDS.length || lastedMs() < seconds * 1_000 || !isEnough(history.counts); at += 1) {
    if (lastedMs() > STRIKE_MS_MAX) break;
    const fault = plan.next().value;
    if (!(await inject(fault))) left.push(fault);
  }
  await faults.over();
  const isOver = (): boolean => lastedMs() > STRIKE_MS_MAX + LEFT_OVER_MS_MAX;
  for (const kind of FAULT_KINDS) {
    const fault = left.find((one) => one.kind === kind) ?? { kind, ...LEFT_OVER };
    while (!faults.injected.has(kind) && !isOver()) {
      await inject(fault);
      await faults.over();
    }
  }
}

/** Until changes go through again. */
async function progress({ counts }: History): Promise<void> {
  const enough = counts.acknowledged + PROGRESS;
  await waitFor("progress", PROGRESS_MS_MAX, () => (counts.acknowledged >= enough ? true : undefined), 20).catch(
    () => undefined,
  );
}

async function create(cluster: HostCluster, name: string): Promise<number> {
  using client = cluster.client();
  const request = { requestId: newId(realEnv), spec: specOf(name, "") };
  const { service } = await client.call("Control.CreateService", request);
  return service?.specVersion ?? 0;
}

/** Each manager answers by itself: who was just started is not missed by the others yet. */
async function settled(cluster: HostCluster, managers: Managers): Promise<void> {
  for (const [at, node] of cluster.managers.entries()) {
    await waitFor(`an answer of ${node.name}`, SETTLE_MS, async () => {
      await managers.call(at, "Control.GetCluster", {}, FINAL_READ_MS);
      return true;
    });
  }
  await cluster.settled({ timeoutMs: SETTLE_MS });
}

/** A manager that has the service, as the number to call it by. */
async function upToDate(managers: Managers, name: string): Promise<number> {
  await waitFor("the registers at a manager", FINAL_READ_MS, async () => {
    await managers.call(0, "Control.GetService", { id: name }, FINAL_READ_MS);
    return true;
  });
  return 0;
}

/** What each manager has in the end: its state, and all changes since the beginning. */
async function readAll(
  cluster: HostCluster,
  managers: Managers,
  { base, end, name }: { readonly base: Snapshot; readonly end: number; readonly name: string },
): Promise<{ testimonies: Testimony[]; finals: Snapshot[]; problems: string[] }> {
  const testimonies: Testimony[] = [];
  const finals: Snapshot[] = [];
  const problems: string[] = [];
  for (const [at, node] of cluster.managers.entries()) {
    await managers.call(at, "Control.GetService", { id: name }, FINAL_READ_MS);
    finals.push(await readState(managers, at, node.name));
    const tape = await readChanges(managers, at, { from: base.version, to: end, witness: `the log of ${node.name}` });
    problems.push(...tape.problems);
    testimonies.push(tape.testimony());
  }
  return { testimonies, finals, problems };
}

async function removeAll(cluster: HostCluster, prefix: string): Promise<void> {
  using client = cluster.client();
  const { services } = await client.call("Control.ListServices", { filters: [`name=${prefix}-`], pageSize: 1_000 });
  for (const { service } of services) {
    await client.call("Control.RemoveService", { requestId: newId(realEnv), id: service?.id ?? "" });
  }
}
