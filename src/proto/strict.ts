/**
 * Refuses unknown field numbers and unknown enum values in a mutation, by walking its bytes beside
 * the descriptors. protobufjs drops the former and keeps the latter silently: a typo in a client
 * would otherwise be a change that is not made.
 */
import { packageDefinition } from "./load.ts";
import { AppError, invalid } from "../util/errors.ts";
import { must } from "../util/assert.ts";

type Field = {
  readonly name: string;
  readonly type: string;
  readonly message: Shape | null;
  readonly enumValues: ReadonlySet<number> | null;
};
type Shape = { readonly name: string; readonly fields: Map<number, Field> };
type RawField = { name: string; number: number; type: string; typeName: string };
type RawType = {
  name: string;
  field: RawField[];
  nestedType: RawType[];
  enumType: { name: string; value: { number: number }[] }[];
  options?: { mapEntry?: boolean } | null;
};

const NESTING_MAX = 32;
const shapes = new Map<string, Shape>();

/** @param typeName message name below shoal.v1. @throws AppError `invalid` with the field's path. */
export function refuseUnknownFields(typeName: string, bytes: Uint8Array): void {
  walk(shapeOf(`shoal.v1.${typeName}`), bytes, "", 0);
}

function walk(shape: Shape, bytes: Uint8Array, path: string, depth: number): void {
  if (depth > NESTING_MAX) throw invalid(path, "messages are nested too deeply");
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    const field = shape.fields.get(Math.floor(tag / 8));
    const at = path === "" ? (field?.name ?? "") : `${path}.${field?.name ?? ""}`;
    if (field === undefined) {
      throw invalid(
        path === "" ? shape.name : path,
        `unknown field number ${Math.floor(tag / 8)}`,
        "remove it, or upgrade the managers to a version that knows it",
      );
    }
    visit(field, tag % 8, reader, at, depth);
  }
}

function visit(field: Field, wireType: number, reader: WireReader, path: string, depth: number): void {
  if (wireType === 0) {
    checkEnum(field, reader.varint(), path);
  } else if (wireType === 2) {
    const content = reader.delimited();
    if (field.message !== null) walk(field.message, content, path, depth + 1);
    else if (field.enumValues !== null) {
      const packed = new WireReader(content);
      while (!packed.done) checkEnum(field, packed.varint(), path);
    }
  } else reader.skip(wireType === 1 ? 8 : wireType === 5 ? 4 : -1);
}

function checkEnum(field: Field, value: number, path: string): void {
  if (field.enumValues !== null && !field.enumValues.has(value)) throw invalid(path, `unknown value ${value}`);
}

/** Full names: `shoal.v1.Task`, `shoal.v1.Task.State`. Map entries are nested types. */
function shapeOf(fullName: string, nested?: RawType): Shape {
  const known = shapes.get(fullName);
  if (known !== undefined) return known;
  const raw = nested ?? rawType(fullName);
  const shape: Shape = { name: fullName.replace("shoal.v1.", ""), fields: new Map() };
  shapes.set(fullName, shape);
  for (const field of raw.field) {
    shape.fields.set(field.number, {
      name: field.name,
      type: field.type,
      message: field.type === "TYPE_MESSAGE" ? messageShape(fullName, raw, field) : null,
      enumValues: field.type === "TYPE_ENUM" ? enumValues(fullName, raw, field.typeName) : null,
    });
  }
  return shape;
}

function messageShape(owner: string, raw: RawType, field: RawField): Shape {
  // Map entries are nested types that the package definition does not list by name.
  const nested = raw.nestedType.find((type) => type.name === field.typeName);
  if (nested !== undefined) return shapeOf(`${owner}.${field.typeName}`, nested);
  return shapeOf(must(resolve(owner, field.typeName), `message ${field.typeName} used by ${owner} is known`));
}

function enumValues(owner: string, raw: RawType, typeName: string): ReadonlySet<number> {
  const nested = raw.enumType.find((type) => type.name === typeName);
  if (nested !== undefined) return new Set(nested.value.map((value) => value.number));
  const name = resolve(owner, typeName);
  if (name === null) return foreignEnumValues(owner, typeName);
  const definition = packageDefinition[name] as unknown as { type: { value: { number: number }[] } };
  return new Set(definition.type.value.map((value) => value.number));
}

/** Nested in another message: `Node.Role`. */
function foreignEnumValues(owner: string, typeName: string): ReadonlySet<number> {
  const dot = typeName.lastIndexOf(".");
  const outer = dot < 0 ? null : resolve(owner, typeName.slice(0, dot));
  const type =
    outer === null ? undefined : rawType(outer).enumType.find(({ name }) => name === typeName.slice(dot + 1));
  const { value } = must(type, `enum ${typeName} used by ${owner} is known`);
  return new Set(value.map(({ number }) => number));
}

/** Protobuf's scoping: innermost first. */
function resolve(owner: string, typeName: string): string | null {
  const bare = typeName.replace(/^\./, "");
  const scopes = owner.split(".");
  for (let depth = scopes.length; depth >= 0; depth -= 1) {
    const candidate = [...scopes.slice(0, depth), bare].join(".");
    if (packageDefinition[candidate] !== undefined) return candidate;
  }
  return null;
}

function rawType(fullName: string): RawType {
  const direct = packageDefinition[fullName] as unknown as { type: RawType } | undefined;
  return must(direct, `message ${fullName} is known`).type;
}

class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Values beyond 2^53 lose precision, which no tag, length or enum has. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) break;
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new AppError("invalid", "The request is not a valid protobuf message");
  }

  delimited(): Uint8Array {
    const length = this.varint();
    const start = this.#at;
    this.skip(length);
    return this.#bytes.subarray(start, this.#at);
  }

  skip(length: number): void {
    if (length < 0 || this.#at + length > this.#bytes.length) {
      throw new AppError("invalid", "The request is not a valid protobuf message");
    }
    this.#at += length;
  }
}
