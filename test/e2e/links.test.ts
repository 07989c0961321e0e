// The streams between managers on real networks, where the kernel has its part: it drops, accepts what nobody reads, and
// waits for minutes. Figures are `npm run prove -- links`.
import { readFileSync } from "node:fs";

import { expect } from "chai";

import { Links } from "../../scripts/prove/links.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import type { HostNode } from "../support/host-cluster.ts";
import { requireHosts } from "../support/engine.ts";

/** They take a second; kernel and library alone would take two minutes, and more. */
const SOON_MS = 5_000;
/** Each below what one spec may have, all together far above what may wait for one peer. */
const SPEC_BYTES = 400 * 1024;
const CHANGES = 200;
const ROUNDS = 2;
const WRITERS = 4;
/** Half of what is written meanwhile: what waits for one peer has 4 MiB at most, the rest is the collector's mood. */
const GROWTH_BYTES_MAX = (ROUNDS * CHANGES * SPEC_BYTES) / 2;

describe("streams between managers", function () {
  this.timeout(180_000);
  let links: Links;

  before(async function () {
    await requireHosts(this);
    links = await Links.start();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(links.cluster.logs());
  });
  after(async () => await links?.cluster.close());

  it("a half-open one is given up and made again", async () => {
    expect(await links.halfOpen()).to.be.below(SOON_MS);
  });

  it("managers whose connections got no answer are connected soon after they can be", async () => {
    expect(await links.blackhole(4_000)).to.be.below(SOON_MS);
  });

  it("a manager that stands still costs the others no memory, and follows again", async () => {
    const { cluster } = links;
    const [leader, last] = [await cluster.leader(), cluster.managers.at(-1)];
    const victim = last === leader ? cluster.managers[0] : last;
    if (victim === undefined) throw new Error("There are three managers");
    using client = cluster.client(cluster.managers.indexOf(leader));
    let made = 0;
    /** Large services that come and go: the state stays small, the log does not. */
    const load = async (): Promise<void> => {
      const write = async (writer: number): Promise<void> => {
        for (let at = writer; at < CHANGES; at += WRITERS) {
          made += 1;
          const name = `large-${made}`;
          const labels = { filler: "x".repeat(SPEC_BYTES) };
          const task = { container: { image: "app:1" } };
          const spec = { name, labels, replicated: { replicas: 0 }, task };
          await client.call("Control.CreateService", { requestId: name, spec }, { attemptMs: 10_000 });
          await client.call("Control.RemoveService", { requestId: `${name}-`, id: name }, { attemptMs: 10_000 });
        }
      };
      await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => await write(writer)));
    };
    // Watches, log and collector have taken what they take.
    for (let round = 0; round < ROUNDS; round += 1) await load();
    const before = rssBytes(leader);
    victim.signal("SIGSTOP");
    try {
      for (let round = 0; round < ROUNDS; round += 1) await load();
      expect(rssBytes(leader) - before).to.be.below(GROWTH_BYTES_MAX);
    } finally {
      victim.signal("SIGCONT");
    }
    expect((await cluster.leader()).name).to.equal(leader.name);
    await waitFor("all managers", 60_000, async () => {
      await cluster.settled();
      return true;
    });
  });
});

function rssBytes({ pid }: HostNode): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) * 1024;
}
