import { expect } from "chai";
import { survives } from "../../../src/cli/cluster.ts";
import { initText } from "../../../src/cli/local.ts";
import { parseNodeChange } from "../../../src/cli/node.ts";
import {
  managerStatus,
  nodeStatus,
  nodeStyle,
  ports,
  publishedPorts,
  rolloutWord,
  shortError,
  taskError,
  taskState,
} from "../../../src/cli/render.ts";
import { parseScale } from "../../../src/cli/service.ts";
import { bySlot } from "../../../src/cli/task.ts";
import { beginUpdate } from "../../../src/model/rollout.ts";
import { explanation } from "../../../src/cli/why.ts";
import { aService } from "../../support/store/objects.ts";
import { aNode, aNodeSummary, aTask, type NodeShape } from "../../support/cli-fixtures.ts";

describe("cli/render", () => {
  const nodes: [NodeShape, string][] = [
    [{}, "Ready"],
    [{ engineOk: false, engineMessage: "timeout" }, "Ready (engine not answering)"],
    [{ engineOk: false, engineMessage: "disk", runtimes: ["process"] }, "Ready (processes not looked after)"],
    // Before its first heartbeat nothing is known about an engine.
    [{ engineOk: false }, "Ready"],
    [{ state: "DOWN", engineOk: false, engineMessage: "timeout" }, "Down"],
    [{ state: "UNREACHABLE" }, "Unreachable"],
  ];
  for (const [shape, wanted] of nodes) {
    it(`says "${wanted}" of a node with ${JSON.stringify(shape)}`, () =>
      expect(nodeStatus(aNode(shape))).to.equal(wanted));
  }

  it("warns by color of a node that takes no tasks for its engine", () => {
    expect(nodeStyle(aNode({ engineOk: false, engineMessage: "x" }))).to.equal("yellow");
    expect(nodeStyle(aNode())).to.equal("green");
  });

  it("says of a service how far its rollout is, while it is under way", () => {
    const rollout = beginUpdate(null, { from: 1, to: 2, cause: null, nowMs: 0 });
    const word = (part: Partial<typeof rollout>): string =>
      rolloutWord(aService({ id: "s", rollout: { ...rollout, total: 3, updated: 1, ...part } }));
    expect(word({})).to.equal(" (updating 1/3)");
    expect(word({ state: "ROLLBACK_PAUSED" })).to.equal(" (rollback paused 1/3)");
    expect(word({ state: "COMPLETED" })).to.equal("");
    expect(rolloutWord(aService({ id: "s" }))).to.equal("");
  });

  it("leaves the manager's column empty for a worker", () => {
    expect(managerStatus(aNodeSummary())).to.equal("");
    expect(managerStatus({ ...aNodeSummary(), manager: { reachability: "LEADER" } })).to.equal("Leader");
  });

  it("says a task's state with its age, and that it is not healthy", () => {
    expect(taskState(aTask({ atMs: 1000 }), 6000)).to.equal("Running 5 seconds ago");
    expect(taskState(aTask({ atMs: 1000, healthy: false }), 6000)).to.equal("Running (unhealthy) 5 seconds ago");
    expect(taskState(aTask({ atMs: 1000, ready: false }), 6000)).to.equal("Running (not ready) 5 seconds ago");
    expect(taskState(aTask(), 6000)).to.equal("Running");
  });

  it("shows why a task waits only while it waits", () => {
    expect(taskError(aTask({ state: "PENDING", pendingReason: "no node" }))).to.equal("no node");
    expect(taskError(aTask({ state: "RUNNING", pendingReason: "no node" }))).to.equal("");
    expect(taskError(aTask({ state: "FAILED", error: "exit 1" }))).to.equal("exit 1");
    expect(taskError(aTask({ ready: false, checkMessage: "status 503" }))).to.equal("status 503");
  });

  it("cuts errors that would push the columns behind them off the screen", () => {
    expect(shortError("exit 1")).to.equal("exit 1");
    expect(shortError("x".repeat(80))).to.equal("x".repeat(80));
    expect(shortError("x".repeat(81))).to.equal(`${"x".repeat(79)}…`);
  });

  it("shows ports as docker does, with the address where there is one", () => {
    const port = { target: 80, published: 8080, protocol: "TCP" as const, hostIp: "" };
    expect(ports([port, { ...port, hostIp: "::1" }])).to.equal("*:8080->80/tcp,[::1]:8080->80/tcp");
    expect(
      publishedPorts([
        { ...port, published: 0 },
        { ...port, hostIp: "127.0.0.1", protocol: "UDP" },
      ]),
    ).to.equal("*->80/tcp,127.0.0.1:8080->80/udp");
  });

  it("hangs a slot's earlier attempts below its newest", () => {
    const [old, now, other] = [
      aTask({ id: "old", createdAtMs: 1 }),
      aTask({ id: "now", createdAtMs: 2 }),
      aTask({ id: "other", slot: 2, createdAtMs: 0 }),
    ];
    const { sorted, older } = bySlot([other, old, now]);
    expect(sorted.map(({ id }) => id)).to.deep.equal(["now", "old", "other"]);
    expect([...older].map(({ id }) => id)).to.deep.equal(["old"]);
    const failed = aTask({ id: "failed", createdAtMs: 3, desired: "SHUTDOWN", state: "FAILED" });
    expect(bySlot([old, failed]).sorted.map(({ id }) => id)).to.deep.equal(["old", "failed"]);
  });

  it("lists a task that was moved to a node with its slot, before the one whose place it took", () => {
    const before = { ...aTask({ id: "before", createdAtMs: 1, desired: "SHUTDOWN" }), slot: 1, pinnedNodeId: "" };
    const moved = { ...aTask({ id: "moved", createdAtMs: 2 }), slot: 1, pinnedNodeId: "n3" };
    const { sorted, older } = bySlot([before, moved]);
    expect(sorted.map(({ id }) => id)).to.deep.equal(["moved", "before"]);
    expect([...older].map(({ id }) => id)).to.deep.equal(["before"]);
  });

  it("reads SERVICE=REPLICAS and refuses the rest", () => {
    expect(parseScale("web=3")).to.deep.equal({ id: "web", replicas: 3 });
    for (const word of ["web", "=3", "web=", "web=-1", "web=x", "web=1.5"]) {
      expect(() => parseScale(word), word).to.throw();
    }
  });

  it("changes labels, name and availability of a node and keeps the rest", () => {
    const change = parseNodeChange({ labelAdd: ["a=2", "b"], labelRm: ["c"], availability: "drain" });
    expect(
      change({
        name: "n",
        labels: { a: "1", c: "3", d: "4" },
        availability: "ACTIVE",
        drainDeadlineMs: 0,
        drainParallelism: 0,
      }),
    ).to.deep.equal({
      name: "n",
      labels: { a: "2", b: "", d: "4" },
      availability: "DRAIN",
      drainDeadlineMs: 0,
      drainParallelism: 0,
    });
    expect(() => parseNodeChange({ availability: "off" })).to.throw(/active, pause or drain/);
    expect(() => parseNodeChange({ labelAdd: ["=x"] })).to.throw(/--label-add/);
  });

  const losses: [number, RegExp][] = [
    [1, /the one manager/],
    [2, /one of two/],
    [3, /any 1 of 3/],
    [4, /any 1 of 4/],
    [5, /any 2 of 5/],
  ];
  for (const [managers, text] of losses) {
    it(`says what ${managers} managers survive`, () => expect(survives(managers)).to.match(text));
  }

  const answer = {
    clusterId: "c1",
    nodeId: "n1",
    advertise: "10.0.0.1:7377",
    workerToken: "W",
    managerToken: "M",
  };

  it("ends init with what one manager means, how to join and how to come from a laptop", () => {
    const text = initText("prod", answer).join("\n");
    expect(text).to.match(/only manager/);
    expect(text).to.include("shoal join --token M 10.0.0.1:7377").and.include("shoal join --token W 10.0.0.1:7377");
    expect(text).to.include("shoal context export --name prod --output prod.json");
    expect(text).to.include("shoal context import prod.json");
    expect(text).to.not.include("cannot reach it");
  });

  it("warns at init of an address nobody else can reach", () => {
    expect(initText("prod", { ...answer, advertise: "127.0.0.1:7377" }).join("\n")).to.include("cannot reach it");
  });

  it("explains under one heading for each thing", () => {
    const reason = {
      subjectKind: "task",
      subjectId: "t1",
      subjectName: "web.1",
      code: "resources",
      message: "a\nb",
      next: "",
    };
    const lines = explanation(
      {
        kind: "service",
        id: "s1",
        name: "web",
        summary: "0 of 2 run",
        reasons: [reason, { ...reason, code: "ready", next: "start it" }, { ...reason, subjectName: "web.2" }],
      },
      (_, text) => text,
    );
    expect(lines).to.deep.equal([
      "service web: 0 of 2 run",
      "",
      "task web.1",
      "  resources: a b",
      "  ready: a b",
      "    Next: start it",
      "",
      "task web.2",
      "  resources: a b",
    ]);
  });
});
