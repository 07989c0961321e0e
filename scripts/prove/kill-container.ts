// A task's container is killed (restart delay 0): how long until the engine has started its replacement, and until the
// cluster says that it runs. Beside each one, what the engine alone takes for the same: nobody can be faster.
import { WORKLOAD_IMAGE } from "../../test/support/engine.ts";
import { startCluster } from "../../test/support/cluster.ts";
import { EARLY_ENDS_FREE } from "../../src/model/restart.ts";
import { openStream } from "../../src/proto/client.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { ControlClient } from "../lib/control-client.ts";
import { EngineApi } from "../lib/engine-api.ts";
import { waitFor } from "../lib/run.ts";
import { PROVE_PORT_BASE, watchStarts } from "./compose.ts";
import { allUp, runService } from "./hosts.ts";
import { print, progress, sleep, spread } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const REPLICAS = 3;
const REPLACED_MS = 30_000;
const LOOK_EVERY_MS = 5;
/** Between two kills: what is left to do of one shall not be in the next. */
const PAUSE_MS = 500;
/** From then on restarts of a slot are held back, as of anything that ends again and again: another service's turn. */
const KILLS_PER_SERVICE = EARLY_ENDS_FREE * REPLICAS;

export async function proveKillContainer({ runs }: ProofOptions): Promise<boolean> {
  await using cluster = await startCluster({ name: `shoalprove${process.pid}`, portBase: PROVE_PORT_BASE });
  const engine = new EngineApi();
  const context = cluster.context();
  using client = new ControlClient(context);
  using watcher = new ControlClient(context);
  const started = new Map<string, number>();
  const running = new Map<string, number>();
  const stopEvents = await watchStarts(context.clusterId, (id) => started.set(id, performance.now()));
  const watch = openStream(
    watcher.channel(),
    "Watch.Watch",
    {
      onMessage: ({ changes }) => {
        for (const { object } of changes) {
          const task = object?.task;
          if (task?.status?.state === "RUNNING" && !running.has(task.id)) running.set(task.id, performance.now());
        }
      },
      onClose: () => {},
    },
    { request: { kinds: ["task"] } },
  );
  const startedMs: number[] = [];
  const runningMs: number[] = [];
  const floorMs: number[] = [];
  let others = 0;
  try {
    for (let run = 1; run <= runs; run += 1) {
      if (run % 10 === 1) progress(`kill-container ${run} of ${runs}`);
      const service = `victim${Math.ceil(run / KILLS_PER_SERVICE)}`;
      if (run % KILLS_PER_SERVICE === 1) await takeTurn(client, service);
      const before = (await allUp(client, service, REPLICAS)).toSorted((a, b) => a.slot - b.slot);
      const victim = before[run % REPLICAS];
      if (victim === undefined) throw new Error("Nothing runs that could be killed");
      const killedAt = performance.now();
      await engine.kill(victim.status?.runtimeId ?? "");
      const isNew = (id: string): boolean => !before.some((task) => task.id === id);
      const replacement = await waitFor(
        "the replacement",
        REPLACED_MS,
        () => [...running].find(([id, at]) => at > killedAt && isNew(id)),
        LOOK_EVERY_MS,
      );
      const after = await allUp(client, service, REPLICAS);
      const containerAt = started.get(after.find(({ id }) => id === replacement[0])?.status?.runtimeId ?? "");
      const untouched = after.filter((task) => before.some(({ id }) => id === task.id)).length;
      if (untouched !== REPLICAS - 1) others += 1;
      const line = {
        startedMs: Math.round((containerAt ?? Number.NaN) - killedAt),
        runningMs: Math.round(replacement[1] - killedAt),
      };
      startedMs.push(line.startedMs);
      runningMs.push(line.runningMs);
      await sleep(PAUSE_MS);
      const engineMs = Math.round(await engine.replaceMs(WORKLOAD_IMAGE, ["sleep", "86400"]));
      floorMs.push(engineMs);
      print({ proof: "kill-container", run, ...line, engineMs, untouched });
      await sleep(PAUSE_MS);
    }
  } finally {
    stopEvents();
    watch.cancel();
  }
  print({ proof: "kill-container", summary: true, figure: "container started", ...spread(startedMs) });
  print({ proof: "kill-container", summary: true, figure: "the engine alone", ...spread(floorMs) });
  print({
    proof: "kill-container",
    summary: true,
    figure: "task running",
    ...spread(runningMs),
    othersTouched: others,
  });
  return others === 0;
}

/** Of all the services there were, only this one is there. */
async function takeTurn(client: ControlClient, name: string): Promise<void> {
  const { services } = await client.call("Control.ListServices", {});
  for (const { service } of services) {
    await client.call("Control.RemoveService", { requestId: newId(realEnv), id: service?.id ?? "" });
  }
  await runService(client, name, REPLICAS);
  await sleep(PAUSE_MS);
}
