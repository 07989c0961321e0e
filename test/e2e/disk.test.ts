// Managers whose disks are nearly full, full, or do not answer, for real: small file systems of their own.
import { join } from "node:path";

import { assert } from "chai";

import { cleanupOnce } from "../../scripts/lib/interruption.ts";
import { LocalCluster } from "../../scripts/lib/local-cluster.ts";
import type { LocalNode } from "../../scripts/lib/local-cluster.ts";
import { measureOutage } from "../../scripts/lib/outage.ts";
import type { Outage } from "../../scripts/lib/outage.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import { requireDisks } from "../support/engine.ts";
import { refusal } from "../support/expect-code.ts";
import { SmallDisk } from "../support/small-disk.ts";

const MIB = 1024 * 1024;
const DISK_BYTES = 96 * MIB;
/** Marks that leave room between them and for what LevelDB writes meanwhile. */
const MARKS = { SHOAL_DISK_LOW: "32m", SHOAL_DISK_STOP: "8m" };
const BELOW_LOW = 20 * MIB;
const BELOW_STOP = 4 * MIB;
const NO_MARKS = { SHOAL_DISK_LOW: "0", SHOAL_DISK_STOP: "0" };
/** A guard looks every 2 s. */
const ACT_MS = 30_000;
const CLIENTS = 4;
const PAUSE_MS = 20;

class DiskCluster implements AsyncDisposable {
  readonly cluster: LocalCluster;
  readonly #disks = new Map<LocalNode, SmallDisk>();

  constructor(env: Readonly<Record<string, string>>) {
    this.cluster = new LocalCluster(env, []);
  }

  async start(makeDisk: (path: string) => Promise<SmallDisk>): Promise<void> {
    const { cluster } = this;
    for (let at = 0; at < 3; at += 1) {
      const node = await cluster.add("manager");
      this.#disks.set(node, await makeDisk(join(node.dir, "data")));
      cluster.boot(node);
    }
    await cluster.ready();
  }

  disk(node: LocalNode): SmallDisk {
    const disk = this.#disks.get(node);
    if (disk === undefined) throw new Error(`${node.name} has no disk`);
    return disk;
  }

  async follower(): Promise<LocalNode> {
    const leader = await this.cluster.leader();
    const node = this.cluster.managers.find((other) => other !== leader);
    if (node === undefined) throw new Error("There is no follower");
    return node;
  }

  /** Writes go on while `strike` breaks something; nothing acknowledged may be lost. */
  async underWrites(strike: () => Promise<void>, heal: () => Promise<void> = async () => {}): Promise<Outage> {
    const hosts = this.cluster.managers.map(({ address }) => address);
    const context = { ...this.cluster.context, hosts };
    const outage = await measureOutage({ context, clients: CLIENTS, pauseMs: PAUSE_MS, strike, heal });
    assert.include(outage, { lost: 0, twice: 0, failed: 0 }, outage.firstFailure);
    return outage;
  }

  /** Until its process has ended by itself. @returns what it said since `from` */
  async ended(node: LocalNode, from: number): Promise<string> {
    const { child } = node;
    const code = await waitFor(`the end of ${node.name}`, ACT_MS, () => child?.exitCode ?? undefined);
    assert.equal(code, 1);
    node.child = null;
    return this.cluster.log(node).slice(from);
  }

  /** Starts it again; resolves when the others reach it and it has all they have. */
  async isBack(node: LocalNode): Promise<void> {
    const { cluster } = this;
    cluster.boot(node);
    const { services } = await cluster.call(await cluster.leader(), "Control.GetCluster", {});
    await waitFor(`${node.name} is back`, ACT_MS, async () => {
      const own = await cluster.call(node, "Control.GetCluster", { consistency: "STALE" });
      const all = await cluster.call(await cluster.leader(), "Control.GetCluster", {});
      return own.services === services && all.managersReachable === 3 ? true : undefined;
    });
  }

  readonly [Symbol.asyncDispose] = cleanupOnce(async () => {
    for (const disk of this.#disks.values()) await disk.thaw();
    for (const node of this.cluster.managers) await this.cluster.kill(node, "SIGKILL");
    for (const disk of this.#disks.values()) await disk.unmount();
    await this.cluster.stop();
  });
}

describe("e2e: a manager's disk", function () {
  this.timeout(120_000);
  let held: DiskCluster;

  afterEach(function () {
    if (this.currentTest?.state !== "failed") return;
    for (const node of held.cluster.nodes) console.error(`${node.name}:\n${held.cluster.log(node).slice(-2_500)}`);
  });

  async function write(name: string): Promise<void> {
    const leader = await held.cluster.leader();
    const spec = { name, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } };
    await held.cluster.call(leader, "Control.CreateService", { requestId: "", spec });
  }

  describe("that fills up", () => {
    before(async function () {
      await requireDisks(this);
      held = new DiskCluster(MARKS);
      await held.start(async (path) => await SmallDisk.mount(path, DISK_BYTES));
    });
    after(async () => await held[Symbol.asyncDispose]());

    it("below the low mark hands leadership to one that has room, under writes, without losing any", async () => {
      const leader = await held.cluster.leader();
      await held.underWrites(async () => {
        await held.disk(leader).fill(BELOW_LOW);
        await waitFor("another leader", ACT_MS, async () =>
          (await held.cluster.leader()) === leader ? undefined : true,
        );
      });
      assert.include(held.cluster.log(leader), "disk space is low: changes are refused");
      assert.equal(leader.child?.exitCode, null, "it goes on as a follower");
    });

    it("refuses changes when no manager has room, with the path and what to do, and takes them again", async () => {
      const { cluster } = held;
      await write("before");
      for (const node of cluster.managers) await held.disk(node).fill(BELOW_LOW);
      const error = await waitFor("a refusal", ACT_MS, async () => {
        const failure = await refusal(write(`w${Date.now()}`)).catch(() => undefined);
        return failure?.code === "exhausted" ? failure : undefined;
      });
      assert.include(error.message, "is almost full");
      const paths = cluster.managers.map((node) => held.disk(node).directory);
      assert.include(paths, error.details.path);
      assert.include(error.details.next ?? "", "free disk space");
      const { services } = await cluster.call(await cluster.leader(), "Control.GetCluster", {});
      assert.isAtLeast(services, 1, "reads go on");
      for (const node of cluster.managers) held.disk(node).empty();
      await waitFor("changes are taken", ACT_MS, async () => {
        await write("after");
        return true;
      });
    });

    it("below the stop mark ends it before the disk is full, and says why at the next start too", async () => {
      const node = await held.follower();
      const from = held.cluster.log(node).length;
      await held.disk(node).fill(BELOW_STOP);
      const said = await held.ended(node, from);
      assert.match(said, /The disk of \S+ is almost full: .* are free, below 8MiB a manager does not run/);
      const again = held.cluster.log(node).length;
      held.cluster.boot(node);
      const refused = await held.ended(node, again);
      assert.match(refused, /below 8MiB a manager does not run/);
      assert.include(refused, "free disk space and start the daemon again");
      assert.include(refused, held.disk(node).directory);
      await write("meanwhile");
      held.disk(node).empty();
      await held.isBack(node);
    });
  });

  describe("that fails or does not answer", () => {
    before(async function () {
      await requireDisks(this);
      held = new DiskCluster(NO_MARKS);
      await held.start(async (path) => await SmallDisk.inFile(path, DISK_BYTES));
    });
    after(async () => await held[Symbol.asyncDispose]());

    for (const who of ["follower", "leader"] as const) {
      it(`full to the last byte ends a ${who} at its first failed write, and it comes back with everything`, async () => {
        const { cluster } = held;
        const node = who === "leader" ? await cluster.leader() : await held.follower();
        const from = cluster.log(node).length;
        await held.underWrites(async () => {
          await held.disk(node).fill();
          await held.ended(node, from);
        });
        const said = cluster.log(node).slice(from);
        assert.include(said, "no space left on the device");
        assert.include(said, held.disk(node).directory);
        held.disk(node).empty();
        await held.isBack(node);
      });
    }

    it("that stands still costs a leader its leadership and no write, and the manager goes on when it answers again", async () => {
      const { cluster } = held;
      const leader = await cluster.leader();
      await held.underWrites(
        async () => {
          await held.disk(leader).freeze();
          await waitFor("another leader", ACT_MS, async () => ((await cluster.leader()) === leader ? undefined : true));
        },
        async () => await held.disk(leader).thaw(),
      );
      assert.include(cluster.log(leader), "not leading any more");
      await waitFor("it follows again", ACT_MS, async () => {
        const own = await cluster.call(leader, "Control.GetCluster", { consistency: "STALE" });
        const all = await cluster.call(await cluster.leader(), "Control.GetCluster", {});
        return own.services === all.services && all.managersReachable === 3 ? true : undefined;
      });
      assert.equal(leader.child?.exitCode, null);
    });
  });
});
