import { expect } from "chai";
import { compactor } from "../../../src/proto/compact.ts";
import { codec, type Input, type MessageName } from "../../../src/proto/load.ts";

function compacted<N extends MessageName>(name: N, value: Input<N>, ...later: string[]): object {
  const { encode, decode } = codec(name);
  const since = Object.fromEntries(later.map((field) => [field, 2]));
  return compactor(`shoal.v1.${name}`, since)(decode(encode(value)) as object);
}

describe("proto/compact", () => {
  it("leaves out an empty field that came later, and keeps it where it says something", () => {
    const later = ["Task.slot", "Task.replaces", "Task.desired", "TaskStatus.message", "RequestRecord.result"];
    const empty = compacted("Task", { id: "t1", status: { state: "RUNNING" } }, ...later);
    expect(empty).to.include({ id: "t1", serviceId: "", slot: undefined, replaces: undefined, desired: undefined });
    expect(empty).to.have.nested.property("status.message", undefined);
    expect(empty).to.have.nested.property("status.error", "");
    const full = { id: "t1", slot: 3, replaces: "t0", desired: "RUNNING", status: { message: "m" } } as const;
    expect(compacted("Task", full, ...later)).to.deep.equal(compacted("Task", full));
    expect(compacted("RequestRecord", {}, ...later)).to.include({ id: "", result: undefined });
  });

  it("looks into lists and nested types, and takes an enum's number for its name", () => {
    const beat = compacted("SessionUp", { heartbeat: { engineMessage: "m" } }, "SessionUp.Heartbeat.engineOk");
    expect(beat).to.have.nested.property("heartbeat.engineOk", undefined);
    const compact = compactor("shoal.v1.TaskSpec", { "PortSpec.protocol": 2 });
    const ports = [{ target: 1, protocol: 0 }, { target: 2, protocol: "TCP" }, { protocol: 1 }];
    expect(compact({ ports })).to.deep.equal({
      ports: [{ target: 1, protocol: undefined }, { target: 2, protocol: undefined }, { protocol: 1 }],
    });
  });

  it("keeps the zero of an optional field: there it is an answer", () => {
    const value = { status: { exitCode: 0 } };
    expect(compacted("Task", value, "TaskStatus.exitCode")).to.have.nested.property("status.exitCode", 0);
  });

  it("gives back what it was given where nothing came later", () => {
    const value = { id: "" };
    expect(compactor("shoal.v1.Task", {})(value)).to.equal(value);
    expect(compactor("shoal.v1.Task", { "Cluster.protocol": 2 })(value)).to.equal(value);
  });
});
