import { expect } from "chai";
import { ADMISSIONS_BURST, ADMISSIONS_PER_SECOND } from "../../../../src/manager/sessions/session-hub.ts";
import { CUT_OFF_MS } from "../../../../src/manager/sessions/relay.ts";
import { SESSION_MESSAGE_BYTES_MAX } from "../../../../src/manager/sessions/session.ts";
import { AWAITS_RESUME_SINCE } from "../../../../src/model/awaits-resume.ts";
import { PROTOCOLS } from "../../../../src/model/protocol.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { aStatus } from "../../../support/agent-fixtures.ts";
import { node, spec, task } from "../../../support/loops/objects.ts";
import { CLUSTER, SessionRig } from "../../../support/sessions/rig.ts";
import { aRevision } from "../../../support/store/objects.ts";

describe("manager/sessions/session-hub", () => {
  let rig: SessionRig;

  beforeEach(async () => {
    rig = await new SessionRig().start();
    await rig.store.update((tx) => {
      tx.put("revision", aRevision({ id: "web/1", spec: spec() }));
    });
  });

  async function assign(id: string, nodeId: string, desired: "RUNNING" | "SHUTDOWN" = "RUNNING"): Promise<void> {
    await rig.store.update((tx) => {
      tx.put("task", task(id, { nodeId, desired, status: { state: "ASSIGNED" } }));
    });
    await rig.sim.run(1);
  }

  it("welcomes a node with its managers, its spec, its role and a complete set, even an empty one", async () => {
    await assign("t1", "n1");
    const agent = rig.dial("n1");
    agent.hello();
    await rig.sim.run(1);
    const messages = agent.take();
    expect(messages.map(({ message }) => message)).to.deep.equal([
      "welcome",
      "managers",
      "node",
      "role",
      "assignments",
    ]);
    expect(messages[0]?.welcome).to.include({ heartbeatMs: 1000, clusterIncarnation: "inc-1" });
    expect(messages[1]?.managers?.addresses).to.deep.equal(["m1:7377", "m2:7377", "m3:7377"]);
    expect(messages[2]?.node?.availability).to.equal("ACTIVE");
    const other = rig.dial("n2");
    other.hello();
    await rig.sim.run(1);
    expect(other.sets()).to.have.length(1);
    expect(rig.hub.nodeIds).to.have.members(["n1", "n2"]);
  });

  it("has no session for a node that does not speak the cluster's protocol, and says so", async () => {
    const { max } = PROTOCOLS;
    await rig.store.update((tx) => {
      for (const cluster of tx.all("cluster")) tx.put("cluster", { ...cluster, protocol: max });
    });
    const agent = rig.dial("n1");
    agent.hello({ description: { ...node("n1").description, protocolMax: max - 1 } });
    await rig.sim.run(1);
    expect(agent.error?.code).to.equal("unsupported");
    expect(agent.error?.message).to.equal(`The cluster is of protocol ${max}, this program speaks up to ${max - 1}`);
    expect(agent.error?.details.next).to.include("start the newer version of shoal");
    expect(agent.take()).to.deep.equal([]);
    const newer = rig.dial("n1");
    newer.hello({ description: { ...node("n1").description, protocolMax: max } });
    await rig.sim.run(1);
    expect(newer.kinds()).to.include("assignments");
  });

  it("assigns nothing while the cluster waits for resume, then a complete set to each, by the new incarnation", async () => {
    const cluster = rig.store.view().get("cluster", CLUSTER)!;
    const recovery = { kind: "RECOVERED", atMs: 1, version: 1, formerManagerIds: [] } as const;
    const waiting = {
      ...cluster,
      incarnation: "1700000000.x",
      protocol: AWAITS_RESUME_SINCE,
      awaitsResume: { ...recovery, formerManagerIds: [] },
    };
    await rig.store.update((tx) => tx.put("cluster", waiting));
    await assign("t1", "n1");
    const agents = [await rig.open("n1"), await rig.open("n2")];
    await assign("t1", "n1", "SHUTDOWN");
    await rig.sim.run(10_000);
    for (const agent of agents) {
      expect(agent.sets(), "no set, not even an empty one: it would stop what it does not name").to.deep.equal([]);
      agent.beat();
    }
    await rig.store.update((tx) => tx.put("cluster", { ...waiting, awaitsResume: null }));
    await rig.sim.run(1);
    expect(
      agents.map((agent) => agent.sets().map(({ complete, assigned }) => [complete, assigned.length])),
    ).to.deep.equal([[[true, 1]], [[true, 0]]]);
  });

  it("remembers nodes with a certificate that the state does not know", async () => {
    const stranger = rig.dial("n7");
    stranger.hello();
    await rig.sim.run(1);
    expect(stranger.stream.end_?.error?.code).to.equal("denied");
    expect(rig.hub.strangers.list().map(({ nodeId }) => nodeId)).to.deep.equal(["n7"]);
  });

  it("sends what changes, only to whom it concerns, one set for all of a turn", async () => {
    const one = await rig.open("n1");
    const two = await rig.open("n2");
    expect(one.sets().map(({ complete }) => complete)).to.deep.equal([true]);
    two.take();
    await Promise.all([assign("t1", "n1"), assign("t2", "n1")]);
    const sets = one.sets();
    expect(sets).to.have.length(1);
    expect(sets[0]?.assigned.map((assignment) => assignment.task?.id)).to.deep.equal(["t1", "t2"]);
    expect(two.take()).to.deep.equal([]);
  });

  it("answers heartbeats, and tells of new managers and a changed spec", async () => {
    const agent = await rig.open("n1");
    agent.take();
    agent.beat();
    expect(agent.kinds()).to.deep.equal(["heartbeat"]);
    rig.replica.config = { members: [{ id: "m7", address: "m7:7377", role: "voter" }] };
    rig.replica.statusChanged();
    rig.replica.statusChanged();
    expect(agent.take().map(({ managers }) => managers?.addresses)).to.deep.equal([["m7:7377"]]);
    await rig.store.update((tx) => {
      tx.put("node", node("n1", { availability: "DRAIN" }));
    });
    await rig.store.update((tx) => {
      tx.put("node", node("n1", { availability: "DRAIN", state: "DOWN" }));
    });
    const [message, ...rest] = agent.take();
    expect(message?.node?.availability).to.equal("DRAIN");
    expect(rest, "only what it says, not its state").to.deep.equal([]);
  });

  it("lets a node's newer session replace the older, whose words count no more", async () => {
    const older = await rig.open("n1");
    const newer = await rig.open("n1", 2);
    expect(older.end).to.deep.equal({ error: null, reset: false });
    rig.relayed.length = 0;
    older.beat();
    older.send({ goodbye: { reason: "late" } });
    await older.breaks(true, null);
    await rig.sim.run(1000);
    expect(rig.relayed).to.deep.equal([]);
    newer.take();
    newer.beat();
    expect(newer.kinds()).to.deep.equal(["heartbeat"]);
    expect(rig.hub.nodeIds).to.deep.equal(["n1"]);
  });

  it("refuses another cluster's node, one it does not know, and words before the hello", async () => {
    const foreign = rig.dial("n1");
    foreign.hello({ clusterId: "cluster2" });
    expect(foreign.error?.code).to.equal("precondition");
    const disguised = rig.dial("n1", "cluster2");
    disguised.hello();
    expect(disguised.error?.code).to.equal("precondition");
    const stranger = rig.dial("n9");
    stranger.hello();
    expect(stranger.error?.code).to.equal("denied");
    const rude = rig.dial("n1");
    rude.beat();
    expect(rude.error?.code).to.equal("invalid");
    const bare = rig.dial("n1");
    bare.hello({ description: null });
    expect(bare.error?.code).to.equal("invalid");
    expect(rig.hub.nodeIds).to.deep.equal([]);
  });

  it("refuses a description too large to be kept with every copy of the node", async () => {
    const description = { ...node("n1").description!, engineLabels: { long: "x".repeat(20_000) } };
    const agent = rig.dial("n1");
    agent.hello({ description });
    expect(agent.error?.code).to.equal("invalid");
    const open = await rig.open("n2");
    open.send({ description });
    expect(open.error?.code).to.equal("invalid");
  });

  it("ends only the session of who sends a message over 64 KiB, and says why", async () => {
    const agent = await rig.open("n1");
    const other = await rig.open("n2");
    rig.relayed.length = 0;
    const port = { target: 1, published: 2, protocol: "TCP" as const, hostIp: "1".repeat(SESSION_MESSAGE_BYTES_MAX) };
    const status = aStatus({ state: "RUNNING", ports: [port] });
    agent.send({ statuses: { reports: [{ taskId: "t1", status }] } });
    await rig.sim.run(10);
    expect(agent.error?.code).to.equal("invalid");
    expect(agent.error?.message).to.match(/^A message of Session.Session has 65\d{3} bytes, at most 65536 are taken$/);
    expect(other.end).to.equal(null);
    expect(rig.relayed.flatMap(({ reports }) => reports)).to.deep.equal([]);
    other.send({ goodbye: { reason: "x".repeat(SESSION_MESSAGE_BYTES_MAX - 100) } });
    await rig.sim.run(10);
    expect(other.end?.error).to.equal(null);
  });

  it("remembers no more of a stranger than of a member", () => {
    const stranger = rig.dial("n9");
    stranger.hello({ description: { ...node("n9").description!, hostname: "x".repeat(20_000) } });
    expect(stranger.error?.code).to.equal("invalid");
    expect(rig.hub.strangers.list()).to.deep.equal([]);
  });

  it("admits a burst and then a bounded rate", async () => {
    const dial = (count: number): number =>
      Array.from({ length: count }, () => {
        const agent = rig.dial("n1");
        agent.hello();
        return agent.error?.code;
      }).filter((code) => code === "exhausted").length;
    expect(dial(ADMISSIONS_BURST + 5)).to.equal(5);
    await rig.sim.run(500);
    expect(dial(ADMISSIONS_PER_SECOND)).to.equal(ADMISSIONS_PER_SECOND / 2);
  });

  it("tells a node that is removed that nothing is assigned to it, then ends the session", async () => {
    await assign("t1", "n1");
    const agent = await rig.open("n1");
    agent.take();
    await rig.store.update((tx) => {
      tx.remove("node", "n1");
      tx.put("task", task("t1", { nodeId: "n1", desired: "SHUTDOWN", status: { state: "ORPHANED" } }));
    });
    const [last, ...rest] = agent.sets();
    expect(rest).to.deep.equal([]);
    expect(last).to.include({ complete: true, clusterIncarnation: "inc-1", version: rig.store.view().version });
    expect(last?.assigned).to.deep.equal([]);
    expect(agent.error?.code).to.equal("denied");
    await rig.sim.run(1);
    expect(agent.take()).to.deep.equal([]);
  });

  it("only ends the session of a removed node that does not read", async () => {
    const agent = await rig.open("n1");
    agent.stream.room = 1;
    await assign("t1", "n1");
    agent.take();
    await rig.store.update((tx) => {
      tx.remove("node", "n1");
    });
    expect(agent.take()).to.deep.equal([]);
    expect(agent.error?.code).to.equal("denied");
  });

  it("ends the session of a node that is removed", async () => {
    const agent = await rig.open("n1");
    await rig.store.update((tx) => {
      tx.remove("node", "n1");
    });
    expect(agent.error?.code).to.equal("denied");
    rig.relayed.length = 0;
    await rig.sim.run(5000);
    rig.leaderIs("m2");
    await rig.sim.run(1);
    expect(rig.told("n1")).to.deep.equal([]);
  });

  it("answers a goodbye when the leader has committed it", async () => {
    const agent = await rig.open("n1");
    let commit: () => void = () => undefined;
    rig.deliver = () =>
      new Promise((resolve) => {
        commit = resolve;
      });
    rig.relayed.length = 0;
    agent.send({ goodbye: { reason: "shut down" } });
    await rig.sim.run(100);
    expect(rig.told("n1")).to.deep.equal(["GOODBYE 0"]);
    expect(agent.end).to.equal(null);
    commit();
    await rig.sim.run(1);
    expect(agent.end).to.deep.equal({ error: null, reset: false });
    rig.relayed.length = 0;
    await rig.sim.run(2000);
    expect(rig.told("n1"), "its end is no news any more").to.deep.equal([]);
  });

  it("takes an end for proof of a living kernel only soon after its last word, and only from the peer", async () => {
    const cases: [boolean, AppError | null, number, boolean][] = [
      [true, new AppError("unavailable", "reset"), 1000, true],
      [false, new AppError("cancelled", "by the agent"), 1000, true],
      [false, null, 1000, true],
      [false, new AppError("unavailable", "lost"), 1000, false],
      [true, new AppError("unavailable", "reset"), 2600, false],
    ];
    for (const [reset, error, silentMs, isProof] of cases) {
      const agent = await rig.open("n1");
      await rig.sim.run(silentMs);
      rig.relayed.length = 0;
      await agent.breaks(reset, error);
      expect(rig.told("n1").length > 0, `${reset} ${error?.code ?? "-"} ${silentMs}`).to.equal(isProof);
    }
  });

  it("sends agents away when it is cut off from the leader, and takes none meanwhile", async () => {
    const agent = await rig.open("n1");
    rig.leaderIs(null);
    for (let at = 0; at < CUT_OFF_MS; at += 500) {
      expect(agent.end).to.equal(null);
      agent.beat();
      await rig.sim.run(500);
    }
    await rig.sim.run(500);
    expect(agent.error?.code).to.equal("unavailable");
    const next = rig.dial("n1");
    next.hello();
    expect(next.error?.code).to.equal("unavailable");
    rig.leaderIs("m2");
    await rig.sim.run(1);
    expect((await rig.open("n1")).end).to.equal(null);
  });

  it("coalesces changes while an agent reads slowly, and sends them when it reads again", async () => {
    const agent = await rig.open("n1");
    agent.take();
    agent.stream.room = 1;
    await assign("t1", "n1");
    expect(agent.sets()).to.have.length(1);
    for (let at = 2; at < 30; at += 1) await assign(`t${at}`, "n1");
    await assign("t2", "n1", "SHUTDOWN");
    expect(agent.take()).to.deep.equal([]);
    agent.stream.drain(100);
    await rig.sim.run(1);
    const sets = agent.sets();
    expect(sets).to.have.length(1);
    expect(sets[0]?.assigned).to.have.length(28);
    expect(sets[0]?.assigned.find((one) => one.task?.id === "t2")?.task?.desired).to.equal("SHUTDOWN");
  });

  it("closes its sessions when it stops, and says nothing of them", async () => {
    const agent = await rig.open("n1");
    rig.relayed.length = 0;
    rig.hub.stop();
    expect(agent.end).to.deep.equal({ error: null, reset: false });
    await rig.sim.run(1000);
    expect(rig.told("n1")).to.deep.equal([]);
    const late = rig.dial("n2");
    late.hello();
    expect(late.error?.code).to.equal("unavailable");
  });
});
