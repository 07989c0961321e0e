import { expect } from "chai";
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import { aRequest, aTask } from "../../support/store/objects.ts";

describe("manager/store-codec", () => {
  it("keeps a decoded request record's result in bytes of its own, not in the whole entry's", () => {
    const result = Buffer.from("answer");
    const filler = aTask({ id: "t1", serviceName: "x".repeat(50_000) });
    const request = { ...aRequest({ id: "u/1" }), result };
    const encoded = protoStoreCodec.encodeTransaction({
      timeMs: 1,
      actions: [{ put: { task: filler } }, { put: { request } }],
    });
    const decoded = protoStoreCodec.decodeTransaction(encoded).actions[1]?.put?.request;
    expect(decoded?.result.equals(result)).to.equal(true);
    expect(decoded?.result.buffer.byteLength).to.equal(result.length);
    const piece = protoStoreCodec.encodeChunk({ clusterTimeMs: 1, objects: [{ task: filler }, { request }] });
    expect(protoStoreCodec.decodeChunk(piece).objects[1]?.request?.result.buffer.byteLength).to.equal(result.length);
  });

  it("decodes tasks to what was encoded, whatever they share", () => {
    const tasks = ["a", "b", "a", ""].map((reason, at) =>
      aTask({ id: `t${at}`, serviceId: "s1", pendingReason: reason, cause: { actor: "test", reason } }),
    );
    const piece = protoStoreCodec.encodeChunk({ clusterTimeMs: 1, objects: tasks.map((task) => ({ task })) });
    const decoded = protoStoreCodec.decodeChunk(piece).objects.map(({ task }) => task);
    expect(decoded.map((task) => task?.pendingReason)).to.deep.equal(["a", "b", "a", ""]);
    expect(decoded.map((task) => task?.cause)).to.deep.equal(tasks.map(({ cause }) => cause));
    expect(decoded[0]?.cause, "equal ones are one").to.equal(decoded[2]?.cause);
    expect(decoded[0]?.generic, "what is empty is one").to.equal(decoded[1]?.generic);
    expect(decoded.map((task) => task?.serviceId)).to.deep.equal(["s1", "s1", "s1", "s1"]);
  });
});
