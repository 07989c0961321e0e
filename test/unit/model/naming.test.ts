import { expect } from "chai";
import { containerName, nodeName, taskName } from "../../../src/model/naming.ts";
import { aNode, aTask } from "../../support/store/objects.ts";

describe("model/naming", () => {
  it("names a task by its slot and its container by its attempt", () => {
    const task = aTask({ id: "abc", serviceName: "web", slot: 2 });
    expect(taskName(task)).to.equal("web.2");
    expect(containerName(task)).to.equal("web.2.abc");
  });

  it("names a node by its own name, else its hostname, else its id", () => {
    const description = { hostname: "host" } as never;
    expect(
      nodeName(aNode({ id: "n1", description, spec: { name: "front", labels: {}, availability: "ACTIVE" } })),
    ).to.equal("front");
    expect(nodeName(aNode({ id: "n1", description }))).to.equal("host");
    expect(nodeName(aNode({ id: "n1" }))).to.equal("n1");
  });
});
