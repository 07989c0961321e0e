// A task writes 10 MB/s, and whoever follows its logs stops reading: what agent and managers hold for that reader.
import { WORKLOAD_IMAGE } from "../../test/support/engine.ts";
import { startCluster } from "../../test/support/cluster.ts";
import { openStream } from "../../src/proto/client.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { ControlClient } from "../lib/control-client.ts";
import { waitFor } from "../lib/run.ts";
import { NODES, pidOf, PROVE_PORT_BASE, rssMiB } from "./compose.ts";
import { allUp } from "./hosts.ts";
import { print, progress, sleep } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const SECONDS = 30;
const SETTLE_MS = 10_000;
/** Read at full speed first: what any reader costs (young garbage, code) is not what is held for a stalled one. */
const READ_MS = 10_000;
const RESUMED_MS = 10_000;
/** Lines of 100 bytes, a megabyte at a time, ten times a second. */
const SCRIPT = [
  "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
  "| head -c 1000000 >/tmp/block; while :; do cat /tmp/block; busybox usleep 100000; done",
].join(" ");

export async function proveLogs({ seconds = SECONDS }: ProofOptions): Promise<boolean> {
  await using cluster = await startCluster({ name: `shoalprove${process.pid}`, portBase: PROVE_PORT_BASE });
  using client = new ControlClient(cluster.context());
  const task = { container: { image: WORKLOAD_IMAGE, args: ["sh", "-c", SCRIPT], stopGraceMs: 1_000 } };
  const spec = { name: "loud", replicated: { replicas: 1 }, task };
  await client.call("Control.CreateService", { requestId: newId(realEnv), spec });
  const [loud] = await allUp(client, "loud", 1);
  const nodes = await Promise.all(NODES.map(async (name) => ({ name, pid: await pidOf(cluster, name) })));
  const runsOn = (await client.nodes()).find(({ node }) => node?.id === loud?.nodeId)?.node?.spec?.name;
  await sleep(SETTLE_MS);
  const before = nodes.map(({ pid }) => rssMiB(pid));
  let lines = 0;
  let end = "";
  const stream = openStream(
    client.channel(),
    "Logs.Stream",
    {
      onMessage: ({ line }) => {
        if (line === undefined || line === null) return;
        lines += 1;
      },
      onClose: ({ error }) => (end = error?.message ?? "ended"),
    },
    { request: { targets: ["loud"], options: { follow: true, tail: 0 } } },
  );
  await waitFor("the first line", 10_000, () => (lines > 0 ? true : undefined));
  await sleep(READ_MS);
  const reading = nodes.map(({ pid }) => rssMiB(pid));
  const whileReading = lines;
  stream.pause();
  progress(`nobody reads for ${seconds} s`);
  const peaks = [...reading];
  let halfway = reading;
  for (let second = 0; second < seconds; second += 1) {
    await sleep(1_000);
    if (second === Math.floor(seconds / 2)) halfway = nodes.map(({ pid }) => rssMiB(pid));
    for (const [at, { pid }] of nodes.entries()) peaks[at] = Math.max(peaks[at] ?? 0, rssMiB(pid));
  }
  const atEnd = nodes.map(({ pid }) => rssMiB(pid));
  const whileStalled = lines - whileReading;
  stream.resume();
  await sleep(RESUMED_MS);
  stream.cancel();
  for (const [at, { name }] of nodes.entries()) {
    const rss = reading[at] ?? 0;
    const peak = peaks[at] ?? 0;
    print({
      proof: "logs",
      node: name,
      runsTheTask: name === runsOn,
      seconds,
      rssBeforeMiB: before[at],
      rssReadingMiB: rss,
      rssStalledMiB: peak,
      growthMiB: Math.round((peak - rss) * 10) / 10,
      // What filled once (windows, buffers, garbage not yet collected) stays; what is held for a stalled reader grows.
      secondHalfMiB: Math.round(((atEnd[at] ?? 0) - (halfway[at] ?? 0)) * 10) / 10,
    });
  }
  const linesAfter = lines - whileStalled - whileReading;
  print({
    proof: "logs",
    summary: true,
    linesRead: whileReading,
    linesWhileStalled: whileStalled,
    linesInTheNext10s: linesAfter,
    end,
  });
  return linesAfter > 0;
}
