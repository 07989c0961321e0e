/** The fields of messages, nested ones and enums resolved: what walks messages beside the descriptors needs. */
import { packageDefinition } from "./package.ts";
import { must } from "../util/assert.ts";

/** `values`: names by number. */
type EnumShape = { readonly name: string; readonly values: ReadonlyMap<number, string> };
export type Field = {
  readonly name: string;
  /** How its values are written; of a repeated one that is not delimited also packed. */
  readonly wireType: number;
  readonly isRepeated: boolean;
  readonly isText: boolean;
  readonly message: Shape | null;
  readonly enumeration: EnumShape | null;
};
export type Shape = {
  /** Below shoal.v1: `Task`, `SessionUp.Hello`. */
  readonly name: string;
  readonly isMapEntry: boolean;
  readonly fields: Map<number, Field>;
};
type RawField = { name: string; number: number; label: string; type: string; typeName: string };
type RawEnum = { name: string; value: { name: string; number: number }[] };
type RawType = {
  name: string;
  field: RawField[];
  nestedType: RawType[];
  enumType: RawEnum[];
  options?: { mapEntry?: boolean } | null;
};

/** Of the wire format: https://protobuf.dev/programming-guides/encoding. */
const VARINT = 0;
const FIXED_64 = 1;
export const DELIMITED = 2;
const FIXED_32 = 5;
const WIRE_TYPES: Readonly<Record<string, number>> = {
  TYPE_STRING: DELIMITED,
  TYPE_BYTES: DELIMITED,
  TYPE_MESSAGE: DELIMITED,
  TYPE_DOUBLE: FIXED_64,
  TYPE_FIXED64: FIXED_64,
  TYPE_SFIXED64: FIXED_64,
  TYPE_FLOAT: FIXED_32,
  TYPE_FIXED32: FIXED_32,
  TYPE_SFIXED32: FIXED_32,
};

const shapes = new Map<string, Shape>();

/** @param fullName `shoal.v1.Task`, `shoal.v1.SessionUp.Hello` */
export function shapeOf(fullName: string): Shape {
  const known = shapes.get(fullName);
  if (known !== undefined) return known;
  const raw = must(messageType(fullName), `message ${fullName} is known`);
  const shape: Shape = { name: bareName(fullName), isMapEntry: raw.options?.mapEntry === true, fields: new Map() };
  shapes.set(fullName, shape);
  for (const { name, number, label, type, typeName } of raw.field) {
    const isMessage = type === "TYPE_MESSAGE";
    shape.fields.set(number, {
      name,
      wireType: WIRE_TYPES[type] ?? VARINT,
      isRepeated: label === "LABEL_REPEATED",
      isText: type === "TYPE_STRING",
      message: isMessage ? shapeOf(resolve(fullName, typeName, messageType).name) : null,
      enumeration: type === "TYPE_ENUM" ? enumShape(fullName, typeName) : null,
    });
  }
  return shape;
}

function enumShape(owner: string, typeName: string): EnumShape {
  const { name, type } = resolve(owner, typeName, enumType);
  return { name: bareName(name), values: new Map(type.value.map((value) => [value.number, value.name])) };
}

/** Nested types, map entries among them, are listed by their owners only. */
function messageType(fullName: string): RawType | null {
  const direct = rawOf(fullName);
  if (direct !== null) return "field" in direct ? direct : null;
  const { owner, name } = split(fullName);
  return owner === "" ? null : (messageType(owner)?.nestedType.find((type) => type.name === name) ?? null);
}

function enumType(fullName: string): RawEnum | null {
  const direct = rawOf(fullName);
  if (direct !== null) return "value" in direct ? direct : null;
  const { owner, name } = split(fullName);
  return owner === "" ? null : (messageType(owner)?.enumType.find((type) => type.name === name) ?? null);
}

function rawOf(fullName: string): RawType | RawEnum | null {
  // proto-loader types its descriptors as plain objects.
  const definition = packageDefinition[fullName] as unknown as { readonly type?: RawType | RawEnum } | undefined;
  return definition?.type ?? null;
}

/** Protobuf's scoping: innermost first. */
function resolve<T>(
  owner: string,
  typeName: string,
  find: (fullName: string) => T | null,
): { readonly name: string; readonly type: T } {
  const bare = typeName.replace(/^\./, "");
  const scopes = owner.split(".");
  for (let depth = scopes.length; depth >= 0; depth -= 1) {
    const name = [...scopes.slice(0, depth), bare].join(".");
    const type = find(name);
    if (type !== null) return { name, type };
  }
  throw new Error(`Type ${typeName} used by ${owner} is not known`);
}

function split(fullName: string): { readonly owner: string; readonly name: string } {
  const dot = fullName.lastIndexOf(".");
  return { owner: fullName.slice(0, Math.max(0, dot)), name: fullName.slice(dot + 1) };
}

function bareName(fullName: string): string {
  return fullName.replace("shoal.v1.", "");
}
