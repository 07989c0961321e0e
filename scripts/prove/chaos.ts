// Managers as processes, each on a host and a disk of its own, under faults of every kind, while clients write and read
// at any of them and watchers follow. What clients saw must have an order (linearizability), what watchers were told must
// be the log of changes, and what was acknowledged must be there once. The seed decides the faults.
import { join } from "node:path";

import { startHostCluster } from "../../test/support/host-cluster.ts";
import type { HostCluster } from "../../test/support/host-cluster.ts";
import { ROOT } from "../lib/shoal.ts";
import { keepEvidence } from "./chaos/evidence.ts";
import { runEpisode } from "./chaos/episode.ts";
import type { Episode } from "./chaos/episode.ts";
import type { Counts } from "./chaos/history.ts";
import { Monitor } from "./chaos/managers.ts";
import { FAULT_KINDS, planFaults } from "./chaos/schedule.ts";
import { print, progress } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const MINUTES = 5;
/** Each round is judged by itself: a search for an order grows with what it must order. */
const EPISODE_SECONDS = 40;
/** Room for two of LevelDB's buffers, a snapshot, and the logs between. */
const DISK_BYTES = 192 * 1024 * 1024;

export type ChaosOptions = {
  readonly seed: number;
  readonly managers: number;
  readonly minutes: number;
  readonly episodeSeconds: number;
};

export type ChaosResult = {
  readonly seed: number;
  readonly managers: number;
  readonly episodes: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly leaders: number;
  readonly acknowledged: number;
  readonly denied: number;
  readonly unknown: number;
  readonly refused: number;
  readonly reads: number;
  readonly watched: number;
  readonly resumes: number;
  readonly compactions: number;
  /** Every broken promise, or what made the run vacuous. */
  readonly problems: readonly string[];
  /** Where everything is that was seen of the failed round; empty without one. */
  readonly folder: string;
};

export async function proveChaos({ seed, managers, minutes }: ProofOptions): Promise<boolean> {
  const options = {
    seed: seed ?? Math.floor(Math.random() * 1_000_000),
    managers: managers ?? 3,
    minutes: minutes ?? MINUTES,
    episodeSeconds: EPISODE_SECONDS,
  };
  const { problems, ...result } = await runChaos(options);
  for (const problem of problems) progress(problem);
  print({ proof: "chaos", summary: true, minutes: options.minutes, ...result, problems: problems.length });
  return problems.length === 0;
}

export async function runChaos({ seed, managers, minutes, episodeSeconds }: ChaosOptions): Promise<ChaosResult> {
  await using cluster = await startHostCluster({ managers, workers: 0, diskBytes: DISK_BYTES, isLastProxied: true });
  const monitor = new Monitor(cluster);
  await monitor.start();
  const plan = planFaults(seed);
  const episodes: Episode[] = [];
  const until = performance.now() + minutes * 60_000;
  let folder = "";
  try {
    do {
      progress(`chaos ${episodes.length + 1}, seed ${seed}`);
      const prefix = `e${episodes.length + 1}`;
      const seconds = Math.max(0, Math.min(episodeSeconds, (until - performance.now()) / 1_000));
      const episode = await runEpisode({ cluster, monitor, plan, seconds, isEnough, prefix });
      episodes.push(episode);
      if (episode.problems.length === 0) continue;
      folder = join(ROOT, ".shoal/chaos", `${seed}-${Date.now()}`);
      keepEvidence(folder, cluster, episode);
      progress(`what was seen is in ${folder}`);
      break;
    } while (performance.now() < until);
  } finally {
    await monitor.stop();
  }
  return summarize({ seed, managers, folder }, { cluster, monitor, episodes });
}

function summarize(
  head: Pick<ChaosResult, "seed" | "managers" | "folder">,
  { cluster, monitor, episodes }: { cluster: HostCluster; monitor: Monitor; episodes: readonly Episode[] },
): ChaosResult {
  const sum = (of: (episode: Episode) => number): number => episodes.reduce((total, one) => total + of(one), 0);
  const faults = Object.fromEntries(
    FAULT_KINDS.map((kind) => [kind, sum((episode) => episode.faults.injected.get(kind) ?? 0)]),
  );
  const problems = [...monitor.problems, ...episodes.flatMap((episode) => episode.problems)];
  for (const node of cluster.managers) {
    if (/"code":"bug"|AssertionFailure/.test(node.log)) problems.push(`${node.name} met a bug: see its log`);
  }
  const result = {
    ...head,
    episodes: episodes.length,
    faults,
    leaders: monitor.terms,
    acknowledged: sum(({ history }) => history.counts.acknowledged),
    denied: sum(({ history }) => history.counts.denied),
    unknown: sum(({ history }) => history.counts.unknown),
    refused: sum(({ history }) => history.counts.refused),
    reads: sum(({ history }) => history.counts.reads),
    watched: sum(({ watches }) => watches.messages),
    resumes: sum(({ watches }) => watches.resumes),
    compactions: sum(({ watches }) => watches.compactions),
  };
  if (problems.length === 0) problems.push(...vacuous(result));
  return { ...result, problems };
}

/** What a run that proves something has at least; of what clients see, each round has it. */
const LEAST = { leaders: 3, acknowledged: 100, denied: 10, reads: 100, watched: 100, resumes: 4 } as const;

function isEnough(counts: Counts): boolean {
  return counts.acknowledged >= LEAST.acknowledged && counts.denied >= LEAST.denied && counts.reads >= LEAST.reads;
}

function vacuous(result: Omit<ChaosResult, "problems">): string[] {
  const few = Object.entries(LEAST).flatMap(([name, least]) => {
    const is = result[name as keyof typeof LEAST];
    return is < least ? [`${is} ${name}, at least ${least} are needed: this is no pass`] : [];
  });
  const never = Object.entries(result.faults).flatMap(([kind, count]) =>
    count === 0 ? [`no ${kind} happened: this is no pass`] : [],
  );
  return [...few, ...never];
}
