/** Daemons in this process, on real TLS, gRPC, level and files: who is a manager, and what becomes of who was. */
import { expect } from "chai";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { Member } from "../../src/raft/types.ts";
import type { AppError } from "../../src/util/errors.ts";
import { freePorts } from "../../scripts/lib/free-ports.ts";
import type { Host } from "../support/daemon-host.ts";
import type * as Support from "../support/daemon-host.ts";

describe("integration/membership", function () {
  this.timeout(60_000);
  let root: string;
  let hosts: [Host, Host, Host];
  let support: typeof Support;

  before(async () => {
    // Mocha requires this file, and the daemon imports its manager: only imports all share one AppError.
    support = await import("../support/daemon-host.ts");
  });

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "shoal-members-"));
    const ports = await freePorts(8);
    const made = [0, 1, 2].map((at) => new support.Host(join(root, `h${at}`), ports.slice(2 * at, 2 * at + 2)));
    hosts = [made[0]!, made[1]!, made[2]!];
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed")
      console.error(
        inspect(
          hosts.flatMap(({ errors }) => errors),
          { depth: 5 },
        ),
      );
    for (const host of hosts.toReversed()) await host.stop();
    rmSync(root, { recursive: true, force: true });
  });

  async function expectCode(call: Promise<unknown>, code: string): Promise<AppError> {
    const outcome = await call.then(
      () => null,
      (error: unknown) => error as AppError,
    );
    expect(outcome?.code).to.equal(code);
    return outcome!;
  }

  const joining = (role: "manager" | "worker"): { join: string; tokenFile: string } => ({
    join: hosts[0].address,
    tokenFile: join(root, `tokens/${role}/token`),
  });

  async function cluster(...roles: ("manager" | "worker")[]): Promise<void> {
    await hosts[0].boot({ init: "1", tokenDir: join(root, "tokens"), nodeName: "h0" });
    for (const [at, role] of roles.entries()) {
      await hosts[at + 1]?.boot({ ...joining(role), nodeName: `h${at + 1}` });
    }
    await voters(1 + roles.filter((role) => role === "manager").length);
  }

  function members(host: Host): readonly Member[] {
    return host.daemon?.node?.manager?.replica.members() ?? [];
  }

  async function voters(count: number, at: Host = hosts[0]): Promise<void> {
    await support.eventually(`${count} voters`, () => {
      const all = members(at);
      return all.length === count && all.every(({ role }) => role === "voter");
    });
  }

  const idOf = (host: Host): string => host.daemon?.identity?.nodeId ?? "";
  const epochOf = async (host: Host): Promise<number> =>
    (await hosts[0].call("Control.GetNode", { id: idOf(host) })).node?.status?.agentEpoch ?? -1;

  it("promotes a worker, demotes it and promotes it again, while its agent goes on", async () => {
    await cluster("worker", "manager");
    const [, worker] = hosts;
    await support.eventually("the worker is ready", async () => (await epochOf(worker)) > 0);
    const epoch = await epochOf(worker);
    for (let round = 1; round <= 2; round++) {
      await hosts[0].call("Control.SetNodeRole", { id: "h1", role: "MANAGER" });
      await voters(3);
      expect((await worker.call("Daemon.Status", {})).role).to.equal("manager");
      // Its own API, and its own vote: with it and one more there is a quorum.
      expect((await worker.call("Control.GetCluster", {})).managers).to.equal(3);
      await hosts[0].call("Control.SetNodeRole", { id: "h1", role: "WORKER" });
      await support.eventually(
        "it is a worker",
        async () => (await worker.call("Daemon.Status", {})).role === "worker",
      );
      await support.eventually("its log is gone", () => !existsSync(join(worker.dataDir, "raft-log")));
      await voters(2);
      await expectCode(worker.call("Control.GetCluster", {}), "unsupported");
    }
    expect(await epochOf(worker), "the agent was never restarted").to.equal(epoch);
    expect(await worker.state()).to.equal("ready");
    // Promises outlive the log.
    const retired = JSON.parse(readFileSync(join(worker.dataDir, "identity/retired.json"), "utf8")) as object;
    expect(retired).to.include({ nodeId: idOf(worker) });
    // And the role outlives a restart.
    await worker.stop();
    await worker.boot({ nodeName: "h1" });
    expect((await worker.call("Daemon.Status", {})).role).to.equal("worker");
    expect(hosts.flatMap(({ fatal }) => fatal)).to.deep.equal([]);
  });

  it("demotes the leader, which hands over first; its certificate of a manager opens nothing any more", async () => {
    await cluster("manager", "manager");
    await hosts[0].call("Control.SetNodeRole", { id: "h0", role: "WORKER" });
    await voters(2, hosts[1]);
    await support.eventually(
      "it is a worker",
      async () => (await hosts[0].call("Daemon.Status", {})).role === "worker",
    );
    await support.eventually("its session is elsewhere", async () => {
      const { node } = await hosts[1].call("Control.GetNode", { id: "h0" });
      return node?.role === "WORKER" && node.status?.state === "READY";
    });
    const refusal = await expectCode(
      hosts[1].call("Control.SetNodeRole", { id: "nobody", role: "WORKER" }),
      "not-found",
    );
    expect(refusal.details.next).to.include("shoal node ls");
    expect(hosts.flatMap(({ fatal }) => fatal)).to.deep.equal([]);
  });

  it("refuses a demotion that would lose the quorum while another manager is down", async () => {
    await cluster("manager", "manager");
    await hosts[2].stop();
    await support.eventually("it is known to be silent", async () => {
      const { nodes } = await hosts[0].call("Control.ListNodes", {});
      return nodes.some(({ node, manager }) => node?.spec?.name === "h2" && manager?.reachability === "UNREACHABLE");
    });
    const error = await expectCode(hosts[0].call("Control.SetNodeRole", { id: "h1", role: "WORKER" }), "precondition");
    expect(error.message).to.include("h2 does not answer");
    expect(members(hosts[0])).to.have.length(3);
    // Removing the dead one is what helps.
    await support.eventually("its tasks are given up", async () => {
      const { node } = await hosts[0].call("Control.GetNode", { id: "h2" });
      return node?.status?.state !== "READY";
    });
    await hosts[0].call("Control.RemoveNode", { id: "h2" });
    await hosts[0].call("Control.SetNodeRole", { id: "h1", role: "WORKER" });
    await voters(1);
  });

  it("refuses to leave while those left would have no quorum, and lets it go by force", async () => {
    await cluster("manager", "manager");
    await hosts[2].stop();
    await support.eventually("it is known to be silent", async () => {
      const { nodes } = await hosts[0].call("Control.ListNodes", {});
      return nodes.some(({ node, manager }) => node?.spec?.name === "h2" && manager?.reachability === "UNREACHABLE");
    });
    const error = await expectCode(hosts[1].call("Daemon.Leave", { force: false }), "precondition");
    expect(error.message).to.include("quorum would be lost");
    expect(error.details.next).to.include("force");
    expect(await hosts[1].state()).to.equal("ready");
    expect(members(hosts[0])).to.have.length(3);
    await hosts[1].call("Daemon.Leave", { force: true });
    expect(await hosts[1].state()).to.equal("uninitialized");
  });

  it("tells a removed node so: manager or worker, it stops, says why, and joins again as a new one", async () => {
    await cluster("manager", "worker");
    for (const at of [1, 2] as const) {
      const gone = hosts[at];
      const id = idOf(gone);
      await hosts[0].call("Control.RemoveNode", { id: `h${at}`, force: true });
      await support.eventually("it knows", async () => (await gone.state()) === "removed");
      expect((await gone.call("Daemon.Status", {})).message).to.include("removed from its cluster");
      // Also after a restart, when it can only ask.
      await gone.stop();
      await gone.boot({ nodeName: `h${at}` }).catch(() => undefined);
      await support.eventually("it knows again", async () => (await gone.state()) === "removed");
      await gone.call("Daemon.Leave", { force: true });
      const token = readFileSync(join(root, "tokens/worker/token"), "utf8").trim();
      const { nodeId } = await gone.call("Daemon.Join", { managers: [hosts[0].address], token });
      expect(nodeId).to.not.equal(id);
    }
    const term = hosts[0].daemon?.node?.manager?.replica.status().term;
    expect(hosts[0].daemon?.node?.manager?.replica.isReadyLeader()).to.equal(true);
    expect(term).to.be.a("number");
  });

  it("recognises a disk put back from an old copy within 5 s, and a wiped one under the old id", async () => {
    await cluster("manager", "manager");
    const victim = hosts[1];
    const copy = join(root, "copy");
    await victim.stop();
    cpSync(victim.dataDir, copy, { recursive: true });
    await victim.boot({ nodeName: "h1" });
    await hosts[0].call("Control.UpdateCluster", {
      version: (await hosts[0].call("Control.GetCluster", {})).cluster?.meta?.version ?? 0,
      rotateWorkerToken: true,
    });
    const version = hosts[0].daemon?.node?.manager?.store.view().version ?? 0;
    await support.eventually("it follows", () => (victim.daemon?.node?.manager?.store.view().version ?? 0) >= version);
    for (const disk of ["old copy", "wiped"] as const) {
      await victim.stop();
      victim.fatal.length = 0;
      if (disk === "old copy") {
        rmSync(victim.dataDir, { recursive: true });
        cpSync(copy, victim.dataDir, { recursive: true });
      } else
        for (const store of ["raft-log", "raft-snapshots"]) rmSync(join(victim.dataDir, store), { recursive: true });
      await victim.boot({ nodeName: "h1" }).catch(() => undefined);
      await support.eventually("the verdict", () => victim.fatal.length > 0, 5_000);
      expect(victim.fatal[0]?.message).to.match(/^disk rolled back: wipe and rejoin/);
      expect(victim.fatal[0]?.code).to.equal("corrupt");
    }
    // The way out: removed, and back as another node.
    await victim.stop();
    rmSync(victim.dataDir, { recursive: true });
    await hosts[0].call("Control.RemoveNode", { id: "h1", force: true });
    await victim.boot({ ...joining("manager"), nodeName: "h1" });
    await voters(3);
  });

  it("follows a manager to a new address without losing the quorum", async () => {
    await cluster("manager", "manager");
    const mover = hosts[1];
    await mover.stop();
    const [port = 0] = await freePorts(1);
    mover.port = port;
    // It was one of two that are needed.
    await hosts[2].stop();
    await mover.boot({ nodeName: "h1", advertise: mover.address });
    await support.eventually("the members know", () =>
      members(hosts[0]).some(({ id, address }) => id === idOf(mover) && address === mover.address),
    );
    await hosts[2].boot({ nodeName: "h2" });
    await support.eventually("the third knows", () =>
      members(hosts[2]).some(({ id, address }) => id === idOf(mover) && address === mover.address),
    );
    await hosts[0].stop();
    await support.eventually("the two others go on", async () => {
      const { leaderId } = await hosts[2].call("Control.GetCluster", {});
      return leaderId !== "";
    });
  });
});
