import type { MessageTypeDefinition } from "@grpc/proto-loader";
import { expect } from "chai";
import fc from "fast-check";
import { join } from "node:path";
import protobuf from "protobufjs";
import { PROTO_FILES } from "../../../src/proto/gen/index.ts";
import { CODECS } from "../../../src/proto/gen/codecs.ts";
import { codec, type MessageName } from "../../../src/proto/load.ts";
import { packageDefinition, PROTO_ROOT } from "../../../src/proto/package.ts";
import { AppError } from "../../../src/util/errors.ts";

/** proto-loader's own way of reading and writing, which the generated codecs must agree with. */
function loaderOf(name: string): MessageTypeDefinition<object, object> {
  return packageDefinition[`shoal.v1.${name}`] as unknown as MessageTypeDefinition<object, object>;
}

const root = new protobuf.Root();
root.resolvePath = (_, target) => join(target.startsWith("google/") ? "node_modules/protobufjs" : PROTO_ROOT, target);
root.loadSync([...PROTO_FILES]);
root.resolveAll();

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("", "__proto__", "x".repeat(200)),
);
const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: text,
  bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  bool: fc.boolean(),
  uint32: fc.nat({ max: 2 ** 32 - 1 }),
  uint64: fc.maxSafeNat(),
  int32: fc.integer(),
  int64: fc.maxSafeInteger(),
  double: fc.double({ noNaN: true }),
};

/** Any message of a type, with fields missing, null or empty at random and at most one member of each oneof. */
function messageOf(type: protobuf.Type): fc.Arbitrary<object> {
  const single = type.fieldsArray.filter((field) => field.partOf === null);
  const fields = fc.record(Object.fromEntries(single.map((field) => [field.name, fieldOf(field)])), {
    requiredKeys: [],
  });
  const members = type.oneofsArray.map((oneof) =>
    fc.oneof(
      fc.constant({}),
      ...oneof.fieldsArray.map((field) => fieldOf(field).map((value) => ({ [field.name]: value }))),
    ),
  );
  return fc.tuple(fields, ...members).map((parts) => Object.assign({}, ...parts) as object);
}

function fieldOf(field: protobuf.FieldBase): fc.Arbitrary<unknown> {
  const one = valueOf(field);
  if (field instanceof protobuf.MapField) {
    const keys = fc.string({ maxLength: 12 }).filter((key) => key !== "__proto__");
    return fc.dictionary(keys, one, { maxKeys: 3, noNullPrototype: true });
  }
  return field.repeated ? fc.array(one, { maxLength: 3 }) : one;
}

function valueOf({ resolvedType, type }: protobuf.FieldBase): fc.Arbitrary<unknown> {
  if (resolvedType instanceof protobuf.Type) return messageOf(resolvedType);
  if (resolvedType instanceof protobuf.Enum) return fc.constantFrom(...Object.keys(resolvedType.values));
  return SCALARS[type] ?? expect.fail(`There is no value for ${type}`);
}

describe("proto/gen/codecs", () => {
  it("read and write every message of proto/ as proto-loader does", function () {
    this.timeout(60_000);
    for (const name of Object.keys(CODECS) as MessageName[]) {
      const { encode, decode } = codec(name);
      const loader = loaderOf(name);
      const agrees = fc.property(messageOf(root.lookupType(`shoal.v1.${name}`)), (value) => {
        const ours = encode(value);
        const theirs = loader.serialize(value);
        const read = decode(ours);
        expect(read, name).to.deep.equal(loader.deserialize(ours));
        expect(read, name).to.deep.equal(loader.deserialize(theirs));
        expect(decode(theirs), name).to.deep.equal(read);
        expect(encode(read as never), `${name}: what was read is written the same`).to.deep.equal(ours);
      });
      fc.assert(agrees, { numRuns: 15 });
    }
  });

  it("writes nothing for what is empty, and the zero of an optional field: there it is an answer", () => {
    expect(codec("Task").encode(codec("Task").decode(Buffer.alloc(0))).length).to.equal(0);
    const { encode, decode } = codec("TaskStatus");
    expect(decode(encode({ exitCode: 0 })).exitCode).to.equal(0);
    expect(decode(encode({})).exitCode).to.equal(undefined);
  });

  it("writes equal maps as equal bytes, and takes any key for a key", () => {
    const { encode, decode } = codec("ServiceSpec");
    expect(encode({ labels: { b: "1", a: "2" } })).to.deep.equal(encode({ labels: { a: "2", b: "1" } }));
    const labels = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    const read = decode(encode({ labels })).labels;
    expect(Object.entries(read)).to.deep.equal([["__proto__", "x"]]);
    expect(Object.getPrototypeOf(read)).to.equal(Object.prototype);
  });

  it("refuses the name of no enum value and a negative unsigned number, and goes on after it", () => {
    const { encode, decode } = codec("Task");
    expect(() => encode({ id: "t1", desired: "RUNING" as never })).to.throw(TypeError, "RUNING");
    expect(() => encode({ id: "t1", slot: -1 })).to.throw(TypeError, "-1");
    expect(decode(encode({ id: "t2" })).id).to.equal("t2");
  });

  it("keeps an enum's number that has no name", () => {
    const bytes = loaderOf("Task").serialize({ desired: 999 });
    expect(codec("Task").decode(bytes).desired).to.equal(999);
  });

  it("answers damaged bytes with an error or another message, never with anything else", () => {
    const { encode, decode } = codec("StoreTransaction");
    const whole = encode({
      timeMs: 1_700_000_000_000,
      actions: [
        { put: { service: { id: "s1", spec: { name: "web", labels: { a: "b" }, replicated: { replicas: -3 } } } } },
      ],
    });
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255), (cut, at, byte) => {
        const damaged = Buffer.from(whole);
        damaged[at] = byte;
        try {
          decode(damaged.subarray(0, cut));
        } catch (error) {
          expect(error).to.be.instanceOf(AppError).with.property("code", "invalid");
        }
      }),
      { numRuns: 2000 },
    );
  });
});
