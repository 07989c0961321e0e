import { expect } from "chai";
import { planResume } from "../../../../src/manager/orchestrator/resume-plan.ts";
import type { Inventories } from "../../../../src/model/awaits-resume.ts";
import type { HeldTask, Node, Service, Task } from "../../../../src/model/index.ts";
import { TableSet } from "../../../../src/store/table-set.ts";
import { node, service, spec, task } from "../../../support/loops/objects.ts";
import { aRevision } from "../../../support/store/objects.ts";

function state(rows: { nodes: Node[]; services: Service[]; tasks: Task[] }): TableSet {
  const tables = new TableSet();
  for (const row of rows.nodes) tables.put("node", row);
  for (const row of rows.services) {
    tables.put("service", row);
    tables.put("revision", aRevision({ id: `${row.id}/1`, serviceId: row.id, number: 1, spec: spec() }));
  }
  for (const row of rows.tasks) tables.put("task", row);
  return tables;
}

const running = (id: string, nodeId: string, slot: number): Task =>
  task(id, { nodeId, slot, status: { state: "RUNNING", healthy: true, agentEpoch: 1 } });

const held = (id: string, part: Partial<HeldTask> = {}): HeldTask => ({
  id,
  serviceId: "web",
  name: `web.${id}`,
  desired: "RUNNING",
  observed: "RUNNING",
  ...part,
});

function plan(tables: TableSet, inventories: Record<string, HeldTask[] | { silent: string }>): string[] {
  const items = planResume(tables, new Map(Object.entries(inventories)) as Inventories);
  return items.map(({ action, taskId, name, nodeName, reason }) =>
    [action, taskId === "" ? "-" : taskId, name, nodeName === "" ? "-" : nodeName, reason].join(" "),
  );
}

describe("manager/orchestrator/resume-plan", () => {
  it("plans nothing where nodes hold what the state wants", () => {
    const tables = state({
      nodes: [node("n1"), node("n2")],
      services: [service("web", { replicas: 2 })],
      tasks: [running("a", "n1", 1), running("b", "n2", 2)],
    });
    expect(plan(tables, { n1: [held("a")], n2: [held("b")] })).to.deep.equal([]);
  });

  it("stops what the state does not know, gives to another node, or had told to stop", () => {
    const tables = state({
      nodes: [node("n1"), node("n2")],
      services: [service("web", { replicas: 2 })],
      tasks: [
        running("a", "n1", 1),
        running("b", "n2", 2),
        { ...running("old", "n1", 1), desired: "SHUTDOWN", cause: { actor: "orchestrator", reason: "replaced by 2" } },
      ],
    });
    const items = plan(tables, {
      n1: [held("a"), held("new"), held("b"), held("old"), held("ended", { observed: "FAILED" })],
      n2: [held("b")],
    });
    expect(items).to.deep.equal([
      "STOP b web.b n1 it is another node's",
      "STOP new web.new n1 the state does not know it",
      "STOP old web.old n1 it was to be stopped before: replaced by 2",
    ]);
  });

  it("starts what a node should hold and does not, and what no node holds yet", () => {
    const tables = state({
      nodes: [node("n1")],
      services: [service("web", { replicas: 2 })],
      tasks: [running("a", "n1", 1)],
    });
    expect(plan(tables, { n1: [] })).to.deep.equal([
      "START a web.1 n1 it is this node's, and not there",
      "START - web.2 - one of 2 replicas",
    ]);
  });

  it("says what may run where nobody can look, and is replaced if its node does not come back", () => {
    const tables = state({
      nodes: [node("n1", { state: "UNREACHABLE" }), node("n2", { state: "DOWN" })],
      services: [service("web", { replicas: 2 })],
      tasks: [running("a", "n1", 1), running("b", "n2", 2)],
    });
    const items = plan(tables, { n1: { silent: "its node is unreachable" }, n2: { silent: "its node is down" } });
    expect(items).to.deep.equal(["REPLACE a web.1 n1 its node is unreachable", "REPLACE b web.2 n2 its node is down"]);
  });

  it("stops the tasks of a service that the state does not have any more, each once", () => {
    const tables = state({ nodes: [node("n1")], services: [], tasks: [running("a", "n1", 1)] });
    expect(plan(tables, { n1: [held("a")] })).to.deep.equal(["STOP a web.1 n1 the service was removed"]);
  });

  it("leaves nodes out that the state does not know", () => {
    const tables = state({ nodes: [], services: [], tasks: [] });
    expect(plan(tables, { stranger: [held("x")] })).to.deep.equal([]);
  });
});
