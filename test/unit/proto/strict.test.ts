import { expect } from "chai";
import { codec, rpc, RPC_KEYS } from "../../../src/proto/load.ts";
import { findField, refuseUnknownFields } from "../../../src/proto/strict.ts";
import { expectThrows } from "../../support/expect-code.ts";

/** One length-delimited field. */
function field(number: number, content: Uint8Array): Buffer {
  const head: number[] = [];
  for (let value = number * 8 + 2; ; value = Math.floor(value / 128)) {
    head.push(value < 128 ? value : (value % 128) + 128);
    if (value < 128) break;
  }
  return Buffer.concat([Buffer.from([...head, content.length]), content]);
}

const varint = (number: number, value: number): Buffer => Buffer.from([number * 8, value]);

// CreateServiceRequest.spec = 2, ServiceSpec.task = 4, TaskSpec.container = 1, ContainerSpec.pull_policy = 13.
const spec = (content: Uint8Array): Buffer => field(2, content);
const inContainer = (content: Uint8Array): Buffer => spec(field(4, field(1, content)));

function refuse(bytes: Uint8Array): { message: string; path: string | undefined } {
  const error = expectThrows(() => refuseUnknownFields("CreateServiceRequest", bytes), "invalid");
  return { message: error.message, path: error.details.path };
}

describe("proto/strict", () => {
  it("takes a whole request with maps, enums, oneofs and optional fields", () => {
    const bytes = codec("CreateServiceRequest").encode({
      requestId: "r1",
      spec: {
        name: "web",
        labels: { a: "b", c: "" },
        replicated: { replicas: 3 },
        task: {
          container: { image: "nginx", pullPolicy: "NEVER", env: ["A=1"], stopGraceMs: 0, labels: { x: "y" } },
          ports: [{ target: 80, protocol: "UDP" }],
          restart: { condition: "ON_FAILURE", delayMs: 5 },
        },
      },
    });
    refuseUnknownFields("CreateServiceRequest", bytes);
    refuseUnknownFields("CreateServiceRequest", new Uint8Array());
  });

  it("refuses an unknown field number at the top and inside, with the path to it", () => {
    expect(refuse(varint(15, 1)).message).to.match(/unknown field number 15/);
    expect(refuse(inContainer(field(90, Buffer.from("x")))).message).to.match(/unknown field number 90/);
    expect(refuse(inContainer(field(90, Buffer.from("x")))).path).to.match(/^spec\.task\.container$/);
  });

  it("refuses an unknown enum value, with the path of the field", () => {
    const { message, path } = refuse(inContainer(varint(13, 77)));
    expect(message).to.match(/unknown value 77/);
    expect(path).to.match(/^spec\.task\.container\.pull/);
    refuseUnknownFields("CreateServiceRequest", inContainer(varint(13, 2)));
  });

  it("refuses an unknown field inside a map's entry", () => {
    refuse(spec(field(2, varint(3, 1))));
  });

  it("refuses a known field as another wire type, which the codecs would drop, also inside", () => {
    // ServiceSpec.replicated = 3, Replicated.replicas = 1: an int64, here as eight fixed bytes.
    const replicas = Buffer.from([1 * 8 + 1, 3, 0, 0, 0, 0, 0, 0, 0]);
    expect(codec("CreateServiceRequest").decode(spec(field(3, replicas))).spec?.replicated?.replicas).to.equal(0);
    expect(refuse(spec(field(3, replicas))).path).to.equal("spec.replicated.replicas");
    expect(refuse(varint(1, 5)).path).to.equal("requestId");
    expect(refuse(spec(field(4, field(1, field(14, Buffer.from("x")))))).path).to.equal("spec.task.container.readOnly");
  });

  it("refuses text that is not UTF-8, which the codecs would mend to other text", () => {
    const broken = Buffer.from([0x61, 0xff]);
    expect(refuse(spec(field(1, broken))).path).to.equal("spec.name");
    // A label's value: the map's field 2, the entry's field 2.
    expect(refuse(spec(field(2, Buffer.concat([field(1, Buffer.from("k")), field(2, broken)])))).path).to.equal(
      "spec.labels.value",
    );
  });

  const broken: [string, Buffer][] = [
    ["a tag that does not end", Buffer.from([0x80])],
    ["a length beyond the end", Buffer.from([0x12, 0x7f])],
    ["a varint of eleven bytes", Buffer.alloc(11, 0xff)],
    ["a group", Buffer.from([0x0b])],
  ];
  for (const [what, bytes] of broken) {
    it(`refuses ${what} as invalid`, () => {
      refuse(bytes);
    });
  }

  it("knows every message there is, nested ones and those beside them too", () => {
    for (const { requestType } of RPC_KEYS.map(rpc)) refuseUnknownFields(requestType, new Uint8Array());
    // SessionDown.StatusAck.acks is a SessionDown.TaskAck: field 4, 1, then 9 is unknown.
    const ack = field(4, field(1, varint(9, 1)));
    expect(expectThrows(() => refuseUnknownFields("SessionDown", ack), "invalid").details.path).to.equal("ack.acks");
  });

  it("finds a field or an enum value by name, wherever it is, and says where", () => {
    const bytes = codec("StoreTransaction").encode({
      actions: [
        { remove: { table: "task", id: "t0" } },
        { put: { revision: { id: "s/1", spec: { container: { image: "a", pullPolicy: "NEVER", init: true } } } } },
      ],
    });
    const find = (wanted: string): object | null => findField("StoreTransaction", bytes, (name) => name === wanted);
    const path = "actions.put.revision.spec.container";
    expect(find("ContainerSpec.init")).to.deep.equal({ name: "ContainerSpec.init", path: `${path}.init` });
    expect(find("ContainerSpec.PullPolicy.NEVER")).to.deep.include({ path: `${path}.pullPolicy` });
    expect(find("StoreObject.revision")).to.deep.include({ path: "actions.put.revision" });
    expect(find("ContainerSpec.PullPolicy.ALWAYS")).to.equal(null);
    expect(find("ContainerSpec.args")).to.equal(null);
  });
});
