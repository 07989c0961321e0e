/** Managers as OS processes whose disk went back in time, is damaged, or was let go of by a kill in the middle of work. */
import { expect } from "chai";
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import { AppError } from "../../src/util/errors.ts";
import { isOpen } from "../support/daemon-host.ts";

const START_MS = 30_000;
/** From when others can reach it. */
const RECOGNISED_MS = 5_000;
/** By then the others have heard how far its disk is, and keep it over a crash of their own. */
const NOTED_MS = 2_500;
const KILLS = 8;
const WRITERS = 8;

const spec = (name: string) => ({ name, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } });

async function create(cluster: LocalCluster, at: LocalNode, name: string, deadlineMs = 5_000): Promise<void> {
  await cluster.call(at, "Control.CreateService", { requestId: randomUUID(), spec: spec(name) }, deadlineMs);
}

/** Resolves with its exit code. */
async function exited(node: LocalNode): Promise<number | null> {
  const { child } = node;
  if (child === null) throw new Error(`${node.name} was not started`);
  const code = await waitFor(`the end of ${node.name}`, START_MS, () => child.exitCode ?? undefined, 10);
  node.child = null;
  return code;
}

async function has(cluster: LocalCluster, at: LocalNode, name: string): Promise<void> {
  await waitFor(`${name} at ${at.name}`, START_MS, async () => {
    await cluster.call(at, "Control.GetService", { id: name });
    return true;
  });
}

describe("integration/disks", function () {
  this.timeout(180_000);

  describe("a disk put back from an old copy", () => {
    let cluster: LocalCluster;
    before(async () => {
      cluster = await startLocalCluster({ managers: 3 });
    });
    after(async () => await cluster.stop());

    const dataOf = (node: LocalNode): string => join(node.dir, "data");

    /** Put back, started, and watched until it ends: how it ended, and how long others could reach it. */
    async function comesBack(node: LocalNode, copy: string): Promise<{ code: number | null; reachableMs: number }> {
      rmSync(dataOf(node), { recursive: true });
      cpSync(copy, dataOf(node), { recursive: true });
      cluster.boot(node);
      const port = Number(node.address.split(":")[1]);
      const { child } = node;
      const upAt = await waitFor("its port", START_MS, async () =>
        (await isOpen(port)) || child?.exitCode !== null ? performance.now() : undefined,
      );
      const code = await exited(node);
      return { code, reachableMs: performance.now() - upAt };
    }

    it("is recognised within 5 s of contact: it says so, never acknowledges and never votes", async () => {
      const leader = await cluster.leader();
      const [victim, other] = cluster.managers.filter((node) => node !== leader);
      if (victim === undefined || other === undefined) throw new Error("There are three managers");
      await cluster.kill(victim, "SIGTERM");
      const copy = join(cluster.root, "copy");
      cpSync(dataOf(victim), copy, { recursive: true });
      cluster.boot(victim);
      // What it acknowledges now, and will have forgotten.
      for (let at = 0; at < 5; at += 1) await create(cluster, leader, `forgotten-${at}`);
      await has(cluster, victim, "forgotten-4");
      await new Promise((resolve) => setTimeout(resolve, NOTED_MS));
      await cluster.kill(victim, "SIGKILL");
      await cluster.kill(other, "SIGKILL");

      // The leader and it would be a quorum: nothing it acknowledges may count.
      const unacknowledged = create(cluster, leader, "needs-its-acknowledgement", 10_000).then(
        () => "acknowledged",
        (error: unknown) => AppError.from(error).code,
      );
      const first = await comesBack(victim, copy);
      expect(first.code).to.equal(1);
      expect(first.reachableMs).to.be.below(RECOGNISED_MS);
      const said = cluster.log(victim).trimEnd().split("\n").at(-1) ?? "";
      expect(said).to.include("disk rolled back: wipe and rejoin");
      expect(said).to.include('"code":"corrupt"').and.to.include("rejoin");
      expect(await unacknowledged).to.be.oneOf(["unavailable", "unknown-outcome", "deadline"]);

      // With another voter it would be a quorum as well: it must not elect anybody.
      await cluster.kill(leader, "SIGKILL");
      cluster.boot(other);
      const state = async (): Promise<{ leaderId: string; term: number }> =>
        await cluster.call(other, "Control.GetCluster", { consistency: "STALE" }, 1_000);
      await waitFor("the other one's answer", START_MS, state);
      const second = await comesBack(victim, copy);
      expect(second.code).to.equal(1);
      expect(second.reachableMs).to.be.below(RECOGNISED_MS);
      expect((await state()).leaderId).to.equal("");

      // The way out: those that are sound go on, it comes back as somebody else.
      cluster.boot(leader);
      const sound = await cluster.leader();
      await has(cluster, sound, "forgotten-4");
      const { nodes } = await cluster.call(sound, "Control.ListNodes", { filters: [`name=${victim.name}`] });
      const old = nodes[0]?.node?.id ?? "";
      await cluster.call(sound, "Control.RemoveNode", { id: old, force: true }, START_MS);
      rmSync(dataOf(victim), { recursive: true });
      cluster.boot(victim);
      await has(cluster, victim, "forgotten-4");
      const again = await cluster.call(sound, "Control.ListNodes", { filters: [`name=${victim.name}`] });
      expect(again.nodes[0]?.node?.id).to.be.a("string").that.is.not.equal(old);
    });
  });

  describe("a damaged store", () => {
    it("ends the start with what is damaged and the way out, touches nothing, and is as before when it is whole", async () => {
      await using cluster = await startLocalCluster({ managers: 1 });
      const [manager] = cluster.managers;
      if (manager === undefined) throw new Error("There is a manager");
      const store = join(manager.dir, "data/raft-log");
      const files = (): string[] => readdirSync(store).filter((name) => !/^LO(?:CK|G)/.test(name));
      await create(cluster, manager, "kept");
      // Tables are made at a start, of what the last life logged.
      for (let round = 0; round < 2; round += 1) {
        await cluster.kill(manager, "SIGKILL");
        cluster.boot(manager);
        await has(cluster, manager, "kept");
      }
      await cluster.kill(manager, "SIGTERM");
      const copy = join(cluster.root, "copy");
      cpSync(store, copy, { recursive: true });
      const path = (which: RegExp): string => join(store, files().find((name) => which.test(name)) ?? "");
      const damages: [string, () => void][] = [
        ["a table is missing", () => rmSync(path(/\.ldb$/))],
        ["the manifest is cut short", () => truncateSync(path(/^MANIFEST/), statSync(path(/^MANIFEST/)).size / 2)],
        ["CURRENT is missing", () => rmSync(path(/^CURRENT$/))],
      ];
      for (const [what, damage] of damages) {
        damage();
        const before = files();
        cluster.boot(manager);
        expect(await exited(manager), what).to.equal(1);
        const said = cluster.log(manager).trimEnd().split("\n").at(-1) ?? "";
        expect(said, what).to.include('"code":"corrupt"').and.to.include(store);
        expect(said, what).to.include("shoal node rm, shoal join");
        expect(files(), what).to.include.members(before.filter((name) => !/^MANIFEST|\.log$/.test(name)));
        rmSync(store, { recursive: true });
        cpSync(copy, store, { recursive: true });
      }
      cluster.boot(manager);
      await has(cluster, manager, "kept");
    });
  });

  describe("a kill in the middle of writing", () => {
    it("loses nothing that was acknowledged and leaves no lock behind, again and again", async () => {
      await using cluster = await startLocalCluster({ managers: 1 });
      const [manager] = cluster.managers;
      if (manager === undefined) throw new Error("There is a manager");
      const acknowledged: string[] = [];
      let isOver = false;
      const write = async (writer: number): Promise<void> => {
        for (let at = 0; !isOver; at += 1) {
          const name = `w${writer}-${at}`;
          const isDone = await create(cluster, manager, name, 1_000).then(
            () => true,
            () => false,
          );
          if (isDone) acknowledged.push(name);
          else await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
      const writers = Array.from({ length: WRITERS }, async (_, writer) => await write(writer));
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const enough = acknowledged.length + 10 * WRITERS;
        await waitFor("writes", START_MS, () => (acknowledged.length >= enough ? true : undefined), 5);
        await cluster.kill(manager, "SIGKILL");
        cluster.boot(manager);
      }
      isOver = true;
      await Promise.all(writers);
      await has(cluster, manager, acknowledged.at(-1) ?? "");
      const held = new Set<string>();
      let pageToken = "";
      do {
        const page = await cluster.call(manager, "Control.ListServices", { pageSize: 1_000, pageToken });
        for (const { service } of page.services) held.add(service?.spec?.name ?? "");
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(acknowledged.filter((name) => !held.has(name))).to.deep.equal([]);
    });
  });
});
