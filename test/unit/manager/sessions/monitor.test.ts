import { expect } from "chai";
import { NodeMonitor, type MonitorOptions } from "../../../../src/manager/sessions/monitor.ts";
import { ObservedClock } from "../../../../src/manager/sessions/observed-clock.ts";
import type { NodeSeenInput } from "../../../../src/proto/gen/NodeSeen.ts";
import type { RelayRequest } from "../../../../src/proto/gen/RelayRequest.ts";
import { codec } from "../../../../src/proto/load.ts";
import type { Store } from "../../../../src/store/store.ts";
import { silentLogger, type LogFields, type Logger } from "../../../../src/util/log.ts";
import { aStatus } from "../../../support/agent-fixtures.ts";
import { expectCode } from "../../../support/expect-code.ts";
import { leadingStore } from "../../../support/leading-store.ts";
import { node, service, task, type NodePart } from "../../../support/loops/objects.ts";
import { aCluster } from "../../../support/store/objects.ts";
import { Sim, type SimEnv } from "../../../support/sim-env.ts";

const SEEN = codec("NodeSeen");

class Rig {
  readonly sim = new Sim(1);
  readonly env: SimEnv = this.sim.env("m1");
  readonly clock = new ObservedClock(this.env);
  readonly store: Store = leadingStore(this.env);
  /** What was logged as an error. */
  readonly errors: LogFields[] = [];
  readonly log: Logger = { ...silentLogger, error: (_message, fields = {}) => void this.errors.push(fields) };
  monitor: NodeMonitor | null = null;

  async begin(nodes: Record<string, NodePart>, options: Partial<MonitorOptions> = {}): Promise<void> {
    this.clock.start();
    await this.store.update((tx) => {
      for (const [id, part] of Object.entries(nodes)) tx.put("node", node(id, part));
    });
    this.lead(options);
  }

  /** A new leader's monitor, which knows nothing yet. */
  lead(options: Partial<MonitorOptions> = {}): void {
    this.monitor?.stop();
    this.monitor = new NodeMonitor(
      { env: this.env, log: this.log, store: this.store, clock: this.clock },
      { leaderlessMs: 0, graceUntil: 0, ...options },
    );
    this.monitor.start();
  }

  seen(nodeId: string, part: NodeSeenInput = {}): RelayRequest["seen"][number] {
    return SEEN.decode(SEEN.encode({ nodeId, sessionId: "s1", agentEpoch: 1, engineOk: true, ...part }));
  }

  async relay(managerId: string, ...seen: RelayRequest["seen"]): Promise<void> {
    await this.monitor?.ingest({ managerId, term: 1, seen, reports: [] });
  }

  /** The node is heard of every second for `ms`. */
  async beat(nodeId: string, ms: number, part: NodeSeenInput = {}): Promise<void> {
    for (let at = 0; at < ms; at += 1000) {
      await this.relay("m1", this.seen(nodeId, part));
      await this.sim.run(1000);
    }
  }

  state(nodeId: string): string {
    return this.store.view().get("node", nodeId)?.status?.state ?? "";
  }

  get version(): number {
    return this.store.view().version;
  }
}

describe("manager/sessions/monitor", () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  it("makes a node ready when its session opens, and writes what it says of itself", async () => {
    await rig.begin({ n1: { state: "UNKNOWN" } });
    const description = { ...node("n1").description, hostname: "fresh" };
    await rig.relay("m2", rig.seen("n1", { description, address: "10.1.1.1:7377", agentEpoch: 4 }));
    const { status, address, description: written } = rig.store.view().get("node", "n1") ?? {};
    expect(status?.state).to.equal("READY");
    expect(status?.sessionManagerId).to.equal("m2");
    expect(status?.agentEpoch).to.equal(4);
    expect(address).to.equal("10.1.1.1:7377");
    expect(written?.hostname).to.equal("fresh");
  });

  it("writes nothing for heartbeats", async () => {
    await rig.begin({ n1: {} });
    await rig.relay("m1", rig.seen("n1"));
    const { version } = rig;
    await rig.beat("n1", 20_000);
    expect(rig.version).to.equal(version);
    expect(rig.state("n1")).to.equal("READY");
  });

  it("tells silence in steps: unreachable after 3 s, down after 6 s, ready with the next word", async () => {
    await rig.begin({ n1: {} });
    await rig.relay("m1", rig.seen("n1"));
    await rig.sim.run(2900);
    expect(rig.state("n1")).to.equal("READY");
    await rig.sim.run(400);
    expect(rig.state("n1")).to.equal("UNREACHABLE");
    await rig.sim.run(2500);
    expect(rig.state("n1")).to.equal("UNREACHABLE");
    await rig.sim.run(500);
    expect(rig.state("n1")).to.equal("DOWN");
    await rig.relay("m1", rig.seen("n1"));
    expect(rig.state("n1")).to.equal("READY");
  });

  it("counts from when a node was heard of, not from when that was relayed", async () => {
    await rig.begin({ n1: {} });
    await rig.relay("m1", rig.seen("n1"));
    await rig.sim.run(2000);
    await rig.relay("m1", rig.seen("n1", { silentMs: 1900 }));
    await rig.sim.run(1400);
    expect(rig.state("n1")).to.equal("UNREACHABLE");
  });

  it("presumes a node whose connection was closed to be running for 30 s", async () => {
    await rig.begin({ n1: {} });
    await rig.relay("m1", rig.seen("n1"));
    await rig.relay("m1", rig.seen("n1", { link: "CLOSED" }));
    await rig.sim.run(29_500);
    expect(rig.state("n1")).to.equal("UNREACHABLE");
    await rig.sim.run(1000);
    expect(rig.state("n1")).to.equal("DOWN");
  });

  it("acts on a goodbye at once, and on the return of who said it", async () => {
    await rig.begin({ n1: {} });
    await rig.relay("m1", rig.seen("n1"));
    await rig.relay("m1", rig.seen("n1", { link: "GOODBYE" }));
    expect(rig.state("n1")).to.equal("LEFT");
    await rig.relay("m2", rig.seen("n1", { sessionId: "s2", agentEpoch: 2 }));
    expect(rig.state("n1")).to.equal("READY");
  });

  it("does not count time in which this process stood still", async () => {
    await rig.begin({ n1: {} });
    await rig.relay("m1", rig.seen("n1"));
    await rig.sim.run(2000);
    rig.env.pause();
    await rig.sim.run(60_000);
    rig.env.resume();
    // Its timers run before it reads what waits in its sockets.
    await rig.sim.run(10);
    expect(rig.state("n1")).to.equal("READY");
    await rig.sim.run(4500);
    expect(rig.state("n1")).to.equal("DOWN");
  });

  it("writes for many nodes in entries of bounded size", async () => {
    const count = 400;
    await rig.begin({});
    for (let from = 0; from < count; from += 50) {
      await rig.store.update((tx) => {
        for (let at = from; at < from + 50; at += 1) {
          const engineLabels = { filler: "x".repeat(15_000) };
          const made = node(`n${at}`);
          tx.put("node", { ...made, description: { ...made.description!, engineLabels } });
        }
      });
    }
    // So many at once are given up only after the hold.
    await rig.sim.run(70_000);
    const states = new Set([...rig.store.view().all("node")].map(({ status }) => status?.state));
    expect([...states]).to.deep.equal(["DOWN"]);
    const seen = Array.from({ length: count }, (_, at) => rig.seen(`n${at}`));
    await rig.relay("m1", ...seen);
    expect(rig.state(`n${count - 1}`)).to.equal("READY");
  });

  it("writes a whole batch of long statuses", async () => {
    await rig.begin({ n1: {} });
    const count = 1000;
    for (let from = 0; from < count; from += 100) {
      await rig.store.update((tx) => {
        for (let at = from; at < from + 100; at += 1)
          tx.put("task", task(`t${at}`, { nodeId: "n1", status: { state: "ASSIGNED" } }));
      });
    }
    const status = aStatus({ state: "FAILED", sequence: 1, message: "m".repeat(1024), error: "e".repeat(1024) });
    const reports = Array.from({ length: count }, (_, at) => ({
      nodeId: "n1",
      report: { taskId: `t${at}`, status },
    }));
    await rig.monitor?.ingest({ managerId: "m1", term: 1, seen: [], reports });
    const failed = [...rig.store.view().all("task")].filter((one) => one.status?.state === "FAILED");
    expect(failed).to.have.length(count);
  });

  it("drops what alone does not fit into one change, by name, and writes the rest of the batch", async () => {
    await rig.begin({ n1: {}, n2: {} });
    const ids = Array.from({ length: 9 }, (_, at) => `t${at}`);
    await rig.store.update((tx) => {
      for (const id of ids) tx.put("task", task(id, { nodeId: "n1", status: { state: "ASSIGNED" } }));
    });
    const port = { target: 1, published: 2, protocol: "TCP" as const, hostIp: "1".repeat(1_100_000) };
    const reports = ids.map((taskId) => ({
      nodeId: "n1",
      report: { taskId, status: aStatus({ state: "RUNNING", sequence: 1, ports: taskId === "t4" ? [port] : [] }) },
    }));
    const engineMessage = "x".repeat(1_100_000);
    const seen = [rig.seen("n1", { engineMessage, agentEpoch: 7 }), rig.seen("n2", { agentEpoch: 7 })];
    await rig.monitor?.ingest({ managerId: "m1", term: 1, seen, reports });
    const running = [...rig.store.view().all("task")].filter(({ status }) => status?.state === "RUNNING");
    expect(running.map(({ id }) => id).sort()).to.deep.equal(ids.filter((id) => id !== "t4"));
    expect(rig.store.view().get("node", "n2")?.status?.agentEpoch).to.equal(7);
    expect(rig.errors).to.have.deep.members([
      { what: "a task's status", nodeId: "n1", taskId: "t4" },
      { what: "what a node says of itself", nodeId: "n1" },
    ]);
  });

  it("halves what turns out too large: tasks hold more than what is said of them", async () => {
    await rig.begin({ n1: {} });
    const ids = Array.from({ length: 8 }, (_, at) => `t${at}`);
    for (const id of ids) {
      const cause = { actor: "scheduler", reason: "r".repeat(300_000) };
      await rig.store.update((tx) => {
        tx.put("task", { ...task(id, { nodeId: "n1", status: { state: "ASSIGNED" } }), cause });
      });
    }
    const status = aStatus({ state: "RUNNING", sequence: 1 });
    const reports = ids.map((taskId) => ({ nodeId: "n1", report: { taskId, status } }));
    await rig.monitor?.ingest({ managerId: "m1", term: 1, seen: [], reports });
    expect([...rig.store.view().all("task")].map((one) => one.status?.state)).to.deep.equal(ids.map(() => "RUNNING"));
  });

  it("learns nothing of nodes that are no members, and refuses when it has stopped", async () => {
    await rig.begin({ n1: {} });
    const { version } = rig;
    await rig.relay("m1", rig.seen("stranger"));
    expect(rig.version).to.equal(version);
    rig.monitor?.stop();
    await expectCode(rig.relay("m1", rig.seen("n1")), "not-leader");
  });

  describe("sessions that follow one another", () => {
    it("a closed old session does not mark a node that is at another manager", async () => {
      await rig.begin({ n1: {} });
      await rig.relay("m1", rig.seen("n1"));
      await rig.sim.run(500);
      await rig.relay("m2", rig.seen("n1", { sessionId: "s2" }));
      await rig.relay("m1", rig.seen("n1", { link: "CLOSED", silentMs: 500 }));
      await rig.relay("m1", rig.seen("n1", { link: "GOODBYE", silentMs: 500 }));
      expect(rig.state("n1")).to.equal("READY");
      await rig.sim.run(2000);
      await rig.relay("m2", rig.seen("n1", { sessionId: "s2" }));
      await rig.sim.run(2000);
      expect(rig.state("n1")).to.equal("READY");
    });

    it("the later one counts although both ended, in any order of news", async () => {
      for (const order of [0, 1]) {
        rig = new Rig();
        await rig.begin({ n1: {} });
        await rig.relay("m1", rig.seen("n1"));
        await rig.sim.run(2000);
        const silent = rig.seen("n1", { silentMs: 2000 });
        const closed = rig.seen("n1", { sessionId: "s2", link: "CLOSED", silentMs: 500 });
        if (order === 0) {
          await rig.relay("m1", silent);
          await rig.relay("m2", closed);
        } else {
          await rig.relay("m2", closed);
          await rig.relay("m1", silent);
        }
        await rig.sim.run(10_000);
        expect(rig.state("n1"), `order ${order}`).to.equal("UNREACHABLE");
      }
    });

    it("an agent's former life has no say, however late its news arrive", async () => {
      await rig.begin({ n1: {} });
      await rig.relay("m2", rig.seen("n1", { sessionId: "s2", agentEpoch: 2 }));
      await rig.relay("m1", rig.seen("n1", { link: "GOODBYE" }));
      expect(rig.state("n1")).to.equal("READY");
    });
  });

  describe("a new leader", () => {
    it("inherits how long a node was silent", async () => {
      await rig.begin({ n1: { state: "UNREACHABLE" } });
      await rig.sim.run(10_000);
      rig.lead();
      await rig.relay("m1", rig.seen("n1", { silentMs: 5500 }));
      await rig.sim.run(800);
      expect(rig.state("n1")).to.equal("DOWN");
    });

    it("goes on from the silence it finds written, and counts its own once", async () => {
      await rig.begin({ n1: {}, n2: {}, n3: {}, n4: { state: "UNREACHABLE", silence: { ms: 3000, closed: false } } });
      await rig.store.update((tx) =>
        tx.put("service", service("slow", { nodeLoss: { replaceAfterMs: 12_000, onReturn: "KEEP_ORIGINAL" } })),
      );
      await rig.store.update((tx) => {
        for (const id of ["n3", "n4"])
          tx.put("task", task(`t-${id}`, { serviceId: "slow", nodeId: id, status: { state: "RUNNING" } }));
      });
      const told = (): unknown[] => ["n3", "n4"].map((id) => rig.store.view().get("node", id)?.status?.silence?.ms);
      for (const [seconds, expected] of [
        [4, [3000, 6000]],
        [4, [6000, 6000]],
        [2, [6000, 12_000]],
        [3, [12_000, 12_000]],
      ] as const) {
        for (let at = 0; at < seconds; at += 1) {
          await rig.relay("m1", rig.seen("n1"), rig.seen("n2"));
          await rig.sim.run(1000);
        }
        expect(told()).to.deep.equal(expected);
      }
    });

    it("does not count the time without a leader", async () => {
      await rig.begin({ n1: {} });
      await rig.sim.run(10_000);
      rig.lead({ leaderlessMs: 4000 });
      // 2.5 s under the old leader, 4 s under none.
      await rig.relay("m1", rig.seen("n1", { silentMs: 6500 }));
      expect(rig.state("n1")).to.equal("READY");
      await rig.sim.run(800);
      expect(rig.state("n1")).to.equal("UNREACHABLE");
      await rig.sim.run(2400);
      expect(rig.state("n1")).to.equal("UNREACHABLE");
      await rig.sim.run(700);
      expect(rig.state("n1")).to.equal("DOWN");
    });

    it("does not believe managers about sessions that went elsewhere", async () => {
      await rig.begin({ n1: {} });
      await rig.relay("m2", rig.seen("n1", { sessionId: "s2" }));
      await rig.sim.run(60_000);
      await rig.relay("m2", rig.seen("n1", { sessionId: "s2" }));
      rig.lead();
      await rig.relay("m1", rig.seen("n1", { link: "CLOSED", silentMs: 60_000 }));
      await rig.relay("m1", rig.seen("n1", { link: "GOODBYE", silentMs: 60_000 }));
      await rig.relay("m3", rig.seen("n1", { sessionId: "s0", silentMs: 90_000 }));
      expect(rig.state("n1")).to.equal("READY");
      // Not the manager that is named: m2 restarted, and its agents are at m3 now.
      await rig.relay("m3", rig.seen("n1", { sessionId: "s3", silentMs: 300 }));
      await rig.sim.run(2000);
      expect(rig.state("n1")).to.equal("READY");
    });

    it("gives up within 6 s who is heard of by nobody, and keeps who was given up", async () => {
      await rig.begin({ n1: {}, n2: { state: "DOWN" }, n3: { state: "LEFT" }, n4: { state: "UNKNOWN" } });
      await rig.sim.run(3300);
      const states = (): string[] => ["n1", "n2", "n3", "n4"].map((id) => rig.state(id));
      expect(states()).to.deep.equal(["UNREACHABLE", "DOWN", "LEFT", "UNKNOWN"]);
      await rig.sim.run(3000);
      expect(states()).to.deep.equal(["DOWN", "DOWN", "LEFT", "DOWN"]);
    });

    it("waits out the grace after a loss of quorum, but only for nodes not heard of since", async () => {
      await rig.begin({ n1: {}, n2: {}, n3: {}, n4: {}, n5: {} }, { graceUntil: 120_000 });
      await rig.relay("m1", rig.seen("n1"), rig.seen("n3", { link: "CLOSED", silentMs: 50_000 }));
      for (let at = 0; at < 7; at += 1) {
        await rig.relay("m1", rig.seen("n4"), rig.seen("n5"));
        await rig.sim.run(1000);
      }
      expect(rig.state("n1")).to.equal("DOWN");
      expect(rig.state("n2")).to.equal("UNREACHABLE");
      expect(rig.state("n3")).to.equal("UNREACHABLE");
      await rig.sim.run(112_000);
      expect(rig.state("n2")).to.equal("UNREACHABLE");
      expect(rig.state("n3")).to.equal("UNREACHABLE");
      await rig.sim.run(1500);
      expect(rig.state("n2")).to.equal("DOWN");
      expect(rig.state("n3")).to.equal("DOWN");
    });

    it("goes on with the grace that an earlier leader gave, and not beyond it", async () => {
      await rig.begin({ n1: {}, n2: {} });
      await rig.store.update((tx) => tx.put("cluster", aCluster({ id: "c1" })));
      rig.lead({ graceUntil: rig.clock.now() + 120_000 });
      await rig.sim.run(60_000);
      // It knows of no loss by itself.
      rig.lead();
      await rig.sim.run(59_000);
      expect(rig.state("n2")).to.equal("UNREACHABLE");
      await rig.sim.run(1500);
      expect(rig.state("n2")).to.equal("DOWN");
    });
  });

  describe("many that fall silent at once", () => {
    const SIX = { n1: {}, n2: {}, n3: {}, n4: {}, n5: {}, n6: {} };
    /** All are heard of, then for `ms` only those named. */
    const hear = async (ids: readonly string[], ms: number): Promise<void> => {
      for (let at = 0; at < ms; at += 1000) {
        await rig.relay("m1", ...ids.map((id) => rig.seen(id)));
        await rig.sim.run(1000);
      }
    };
    const down = (): string[] => Object.keys(SIX).filter((id) => rig.state(id) === "DOWN");

    beforeEach(async () => {
      await rig.begin(SIX);
      await rig.store.update((tx) => tx.put("cluster", aCluster({ id: "c1" })));
      await hear(Object.keys(SIX), 2000);
    });

    it("are not given up for 60 s, and the cluster says so", async () => {
      await hear(["n1", "n2"], 50_000);
      expect(down()).to.deep.equal([]);
      const { massSilence } = rig.store.view().get("cluster", "c1")!;
      expect(massSilence).to.deep.include({ silent: 4, nodes: 6 });
      expect(massSilence!.untilMs - massSilence!.sinceMs).to.equal(60_000);
      await hear(["n1", "n2"], 16_000);
      expect(down()).to.deep.equal(["n3", "n4", "n5", "n6"]);
    });

    it("are half of the nodes, or fewer, or one after the other: then each is given up after 6 s", async () => {
      await hear(["n1", "n2", "n3"], 14_000);
      expect(down()).to.deep.equal(["n4", "n5", "n6"]);
      await hear(["n1"], 9000);
      expect(down(), "two of three that were left").to.deep.equal(["n4", "n5", "n6"]);
      expect(rig.store.view().get("cluster", "c1")!.massSilence).to.deep.include({ silent: 2, nodes: 3 });
    });

    it("hold a node up that falls silent later, under a new leader too", async () => {
      await hear(["n1", "n2"], 20_000);
      rig.lead();
      await hear(["n1"], 30_000);
      expect(down()).to.deep.equal([]);
      await hear(["n1"], 20_000);
      expect(down()).to.deep.equal(["n2", "n3", "n4", "n5", "n6"]);
    });
  });

  it("tells a silence at the times of the services on the node too", async () => {
    await rig.begin({ n1: {} });
    await rig.store.update((tx) => {
      for (const [id, replaceAfterMs] of [
        ["slow", 20_000],
        ["quick", 4000],
      ] as const) {
        tx.put("service", service(id, { nodeLoss: { replaceAfterMs, onReturn: "KEEP_ORIGINAL" } }));
        tx.put("task", task(`t-${id}`, { serviceId: id, nodeId: "n1", status: { state: "RUNNING" } }));
      }
    });
    await rig.relay("m1", rig.seen("n1"));
    const silence = (): number => rig.store.view().get("node", "n1")?.status?.silence?.ms ?? 0;
    for (const [atMs, toldMs] of [
      [2500, 0],
      [3500, 3000],
      [4500, 4000],
      [6500, 6000],
      [19_500, 6000],
      [20_500, 20_000],
    ] as const) {
      await rig.sim.run(atMs - rig.clock.now());
      expect(silence(), `after ${atMs} ms`).to.equal(toldMs);
    }
    await rig.relay("m1", rig.seen("n1"));
    expect(silence()).to.equal(0);
  });

  it("looks after a node that joins while it leads", async () => {
    await rig.begin({ n1: {} });
    await rig.beat("n1", 5000);
    await rig.store.update((tx) => {
      tx.put("node", node("n2", { state: "UNKNOWN" }));
    });
    await rig.beat("n1", 5000);
    expect(rig.state("n2")).to.equal("UNKNOWN");
    await rig.relay("m1", rig.seen("n1"), rig.seen("n2", { sessionId: "s9" }));
    expect(rig.state("n2")).to.equal("READY");
    await rig.beat("n1", 7000);
    expect(rig.state("n2")).to.equal("DOWN");
    expect(rig.state("n1")).to.equal("READY");
  });
});
