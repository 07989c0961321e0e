/**
 * Walks a message's bytes beside the descriptors. The codecs drop unknown fields and known ones of
 * another wire type, keep unknown enum values, and mend broken UTF-8, all silently: a typo in a
 * client would be a change that is not made, and what a later version means would be half done.
 */
import { isUtf8 } from "node:buffer";
import { DELIMITED, shapeOf, type Field, type Shape } from "./shapes.ts";
import { AppError, invalid } from "../util/errors.ts";

/** `name`: "Message.field", or "Enum.VALUE"; undefined for a number that no descriptor has. */
type Visit = (name: string | undefined, number: number, path: string) => void;

const NESTING_MAX = 32;
/** @param typeName message name below shoal.v1. @throws AppError `invalid` with the field's path. */
export function refuseUnknownFields(typeName: string, bytes: Uint8Array): void {
  const onField: Visit = (name, number, path) => {
    if (name !== undefined) return;
    throw invalid(
      path,
      `unknown field number ${number}`,
      "remove it, or upgrade the managers to a version that knows it",
    );
  };
  const onEnum: Visit = (name, number, path) => {
    if (name === undefined) throw invalid(path, `unknown value ${number}`);
  };
  new Walk(onField, onEnum).message(shapeOf(`shoal.v1.${typeName}`), bytes, "", 0);
}

/**
 * @param isWanted asked for "Message.field" and "Enum.VALUE"
 * @returns the first that is wanted and where it is, or null
 */
export function findField(
  typeName: string,
  bytes: Uint8Array,
  isWanted: (name: string) => boolean,
): { readonly name: string; readonly path: string } | null {
  let found: { name: string; path: string } | null = null;
  const visit: Visit = (name, _, path) => {
    if (found === null && name !== undefined && isWanted(name)) found = { name, path };
  };
  new Walk(visit, visit).message(shapeOf(`shoal.v1.${typeName}`), bytes, "", 0);
  return found;
}

class Walk {
  readonly #onField: Visit;
  readonly #onEnum: Visit;

  constructor(onField: Visit, onEnum: Visit) {
    this.#onField = onField;
    this.#onEnum = onEnum;
  }

  message(shape: Shape, bytes: Uint8Array, path: string, depth: number): void {
    if (depth > NESTING_MAX) throw invalid(path, "messages are nested too deeply");
    const reader = new WireReader(bytes);
    while (!reader.done) {
      const tag = reader.varint();
      const number = Math.floor(tag / 8);
      const field = shape.fields.get(number);
      if (field === undefined) {
        this.#onField(undefined, number, path === "" ? shape.name : path);
        reader.skipValue(tag % 8);
        continue;
      }
      const at = path === "" ? field.name : `${path}.${field.name}`;
      const wireType = tag % 8;
      if (wireType !== field.wireType && !(field.isRepeated && wireType === DELIMITED)) throw otherType(at);
      this.#onField(`${shape.name}.${field.name}`, number, at);
      this.#value(field, wireType, reader, at, depth);
    }
  }

  #value(field: Field, wireType: number, reader: WireReader, path: string, depth: number): void {
    if (wireType === 0) {
      this.#enum(field, reader.varint(), path);
    } else if (wireType === DELIMITED) {
      const content = reader.delimited();
      if (field.isText && !isUtf8(content)) throw invalid(path, "is not UTF-8", "send text in UTF-8");
      if (field.message !== null) this.message(field.message, content, path, depth + 1);
      else if (field.enumeration !== null) {
        const packed = new WireReader(content);
        while (!packed.done) this.#enum(field, packed.varint(), path);
      }
    } else reader.skipValue(wireType);
  }

  #enum({ enumeration }: Field, value: number, path: string): void {
    if (enumeration === null) return;
    const name = enumeration.values.get(value);
    this.#onEnum(name === undefined ? undefined : `${enumeration.name}.${name}`, value, path);
  }
}

function otherType(path: string): AppError {
  return invalid(path, "is sent as another type than it has", "make the client from proto/shoal/v1, or by reflection");
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

  skipValue(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 2) this.delimited();
    else this.skip(wireType === 1 ? 8 : wireType === 5 ? 4 : -1);
  }

  skip(length: number): void {
    if (length < 0 || this.#at + length > this.#bytes.length) {
      throw new AppError("invalid", "The request is not a valid protobuf message");
    }
    this.#at += length;
  }
}
