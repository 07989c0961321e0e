import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { GpuRequest } from "../../../../src/model/index.ts";
import { node } from "../../../support/loops/objects.ts";
import { deploy, nodesOf, reasons } from "../../../support/loops/places.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/scheduler: what an engine offers", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const gpus = (driver = ""): GpuRequest => ({ count: 1, deviceIds: [], capabilities: [], driver });

  it("places GPUs where an engine hands them out, or the operator says so, and says why not elsewhere", async () => {
    world.putNode(node("n1"));
    const [waiting] = await deploy(world, 1, { gpus: gpus() });
    expect(waiting!.pendingReason).to.equal("no suitable node (no GPUs on 1 node)");
    expect(explain(world.tx, "web.1").reasons.map(({ code, next }) => [code, next])).to.deep.equal([
      [
        "device",
        "register the runtime nvidia with its engine (nvidia-ctk runtime configure), or say that it has them: " +
          "shoal daemon --node-generic-resources gpu=1",
      ],
    ]);
    world.putNode(node("n2", { deviceDrivers: ["nvidia"] }));
    await world.until(() => world.running()[0]?.nodeId === "n2", "it runs at once");
    world.putNode(node("n3", { deviceDrivers: ["amd.com/gpu", "vendor.com/nic"] }));
    world.putNode(node("n4", { generic: [{ kind: "NVIDIA-GPU", count: 2, names: [] }] }));
    expect(nodesOf(await deploy(world, 3, { gpus: gpus() }, "more"))).to.deep.equal(["n2", "n3", "n4"]);
  });

  it("takes the driver that is asked for, in its short name and by its class", async () => {
    world.putNode(node("n1", { deviceDrivers: ["amd.com/gpu"] }));
    world.putNode(node("n2", { deviceDrivers: ["nvidia.com/gpu"] }));
    expect(nodesOf(await deploy(world, 1, { gpus: gpus("nvidia") }))).to.deep.equal(["n2"]);
    expect(reasons(await deploy(world, 1, { gpus: gpus("intel") }, "other"))).to.deep.equal([
      "no suitable node (no intel GPUs on 2 nodes)",
    ]);
  });

  it("77: places a task only where its log driver is, plugins with their tag too, and anywhere if nothing is known", async () => {
    world.putNode(node("n1", { logDrivers: ["json-file", "syslog"] }));
    expect(reasons(await deploy(world, 1, { logDriver: "loki" }))).to.deep.equal([
      "no suitable node (no log driver loki on 1 node)",
    ]);
    world.putNode(node("n2", { logDrivers: ["json-file", "loki:latest"] }));
    await world.until(() => world.running()[0]?.nodeId === "n2", "it runs at once");
    expect(nodesOf(await deploy(world, 1, { logDriver: "none" }, "mute"))).to.deep.equal(["n1"]);
    world.putNode(node("n3"));
    expect(nodesOf(await deploy(world, 1, { logDriver: "gelf" }, "other"))).to.deep.equal(["n3"]);
  });

  it("84: drops what is left of a removed service instead of placing it", async () => {
    await deploy(world, 2);
    world.removeService("web");
    await world.run(100);
    world.addNodes("n1");
    await world.run(1000);
    expect(world.tasks()).to.deep.equal([]);
  });
});
