import { expect } from "chai";
import { containerName, nodeName, parseTaskName, slotName, taskName } from "../../../src/model/naming.ts";
import { aNode, aTask } from "../../support/store/objects.ts";

describe("model/naming", () => {
  it("names a task by its slot and its container by its attempt", () => {
    const task = aTask({ id: "abc", serviceName: "web", slot: 2 });
    expect(taskName(task)).to.equal("web.2");
    expect(containerName(task)).to.equal("web.2.abc");
  });

  it("names a task without a slot number by the node it is pinned to", () => {
    const task = aTask({ id: "abc", serviceName: "web", pinnedNodeId: "n1" });
    expect(taskName(task)).to.equal("web.n1");
    expect(slotName({ slot: 2, pinnedNodeId: "n1" }), "a pinned task of a numbered slot keeps its number").to.equal(
      "2",
    );
  });

  it("takes a task's name apart at its first dot, as node names have dots and service names have none", () => {
    expect(parseTaskName("web.host.example")).to.deep.equal({ service: "web", slot: "host.example" });
    for (const text of ["web", "web.", ".2", ""]) expect(parseTaskName(text), text).to.equal(null);
  });

  it("names a node by its own name, else its hostname, else its id", () => {
    const description = { hostname: "host" } as never;
    expect(
      nodeName(
        aNode({
          id: "n1",
          description,
          spec: { name: "front", labels: {}, availability: "ACTIVE", drainDeadlineMs: 0, drainParallelism: 0 },
        }),
      ),
    ).to.equal("front");
    expect(nodeName(aNode({ id: "n1", description }))).to.equal("host");
    expect(nodeName(aNode({ id: "n1" }))).to.equal("n1");
  });
});
