import { expect } from "chai";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aTask } from "../../../support/store/objects.ts";
import type { Task } from "../../../../src/model/index.ts";

const STATUS = { message: "", error: "", atMs: 5, agentEpoch: 1, sequence: 1, healthy: true, ready: true };

describe("manager/control: ending one task", () => {
  let rig: ControlRig;
  beforeEach(async () => {
    rig = new ControlRig();
    const spec = { name: "web", replicated: { replicas: 2 }, task: { container: { image: "web:1" } } };
    await rig.call("Control.CreateService", { spec });
  });

  async function put(part: Partial<Task> & { readonly id: string }, state: string): Promise<void> {
    const serviceId = [...rig.store.view().all("service")][0]!.id;
    await rig.write((tx) =>
      tx.put(
        "task",
        aTask({
          serviceId,
          serviceName: "web",
          slot: 1,
          nodeId: "n1",
          desired: "RUNNING",
          ...part,
          status: { ...STATUS, state } as never,
        }),
      ),
    );
  }

  it("raises its desired state for a cause that says who, once for a repeated request", async () => {
    await put({ id: "t1" }, "RUNNING");
    const asked = { requestId: "r1", id: "web.1" };
    const { task } = await rig.call("Control.RemoveTask", asked);
    expect(task).to.deep.include({ id: "t1", desired: "SHUTDOWN" });
    expect(task!.cause).to.deep.equal({ actor: "user:ada", reason: "removed by hand" });
    expect(rig.store.view().get("task", "t1")!.status!.state, "its agent says when").to.equal("RUNNING");
    expect((await rig.call("Control.RemoveTask", asked)).task!.id).to.equal("t1");
  });

  it("ends what was never placed, for it has no agent to report that", async () => {
    await put({ id: "t1", nodeId: "", pendingReason: "no node" }, "PENDING");
    await rig.call("Control.RemoveTask", { id: "t1" });
    expect(rig.store.view().get("task", "t1")).to.deep.include({ desired: "SHUTDOWN", pendingReason: "" });
    expect(rig.store.view().get("task", "t1")!.status!.state).to.equal("SHUTDOWN");
  });

  it("refuses what has ended, what is being stopped and what is not there", async () => {
    await put({ id: "t1" }, "FAILED");
    await put({ id: "t2", slot: 2, desired: "SHUTDOWN", cause: { actor: "x", reason: "scaled to 1" } }, "RUNNING");
    const refusals = [
      ["t1", "precondition", /has ended already: failed/],
      ["t2", "precondition", /is being stopped already: scaled to 1/],
      ["nope", "not-found", /There is no task "nope"/],
    ] as const;
    for (const [id, code, text] of refusals) {
      const error = await rig.failure("Control.RemoveTask", { id });
      expect([error.code, error.details.path], id).to.deep.equal([code, "id"]);
      expect(error.message).to.match(text);
      expect(error.details.next, id).to.match(/^(list them with: )?shoal /);
    }
  });

  it("lists the newest attempt of a slot first, whatever node it is pinned to", async () => {
    await put({ id: "t1" }, "SHUTDOWN");
    rig.env.advance(5);
    await put({ id: "t2", pinnedNodeId: "n2", nodeId: "n2", replaces: "t1" }, "RUNNING");
    const { tasks } = await rig.call("Control.ListTasks", {});
    expect(tasks.map(({ id }) => id)).to.deep.equal(["t2", "t1"]);
  });
});
