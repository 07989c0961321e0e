/**
 * Leaves fields that came later (fields-since.ts) out of a message where they are empty. Decoded
 * objects have every field ("", 0, the first value of an enum), and the encoder writes whatever an
 * object has: a program would send what only later versions know, to say nothing with it.
 *
 * What empty is, the decoder itself says: an empty message decodes to just that. Members of a oneof
 * (`optional` fields too) are not in it; there a zero is an answer.
 */
import type { MessageTypeDefinition } from "@grpc/proto-loader";
import { FIELDS_SINCE } from "./fields-since.ts";
import { packageDefinition } from "./package.ts";
import { shapeOf, type Shape } from "./shapes.ts";
import { must } from "../util/assert.ts";

type Values = Readonly<Record<string, unknown>>;
type Part =
  /** An enum is written as its name or its number, and the first one's is 0. */
  | { readonly key: string; readonly initial: unknown; readonly plan: null }
  | { readonly key: string; readonly plan: Plan };
type Plan = readonly Part[];

/** @param fullName `shoal.v1.Task`. The result shares with its source whatever is the same. */
export function compactor(fullName: string, since = FIELDS_SINCE): <T extends object>(value: T) => T {
  if (Object.keys(since).length === 0) return (value) => value;
  let plan: Plan | null = null;
  return (value) => {
    plan ??= new Planner(new Set(Object.keys(since))).plan(shapeOf(fullName), decoderOf(fullName));
    return compact(value, plan);
  };
}

/** On the way of every write: a copy where there is something to leave out, and no key is deleted from it. */
function compact<T extends object>(value: T, plan: Plan): T {
  const values = value as Values;
  let copy: Record<string, unknown> | null = null;
  for (const part of plan) {
    const content = values[part.key];
    if (content === undefined || content === null) continue;
    let kept: unknown = content;
    if (part.plan === null) {
      if (isInitial(content, part.initial)) kept = undefined;
    } else kept = Array.isArray(content) ? compactAll(content, part.plan) : compact(content, part.plan);
    if (kept === content) continue;
    copy ??= { ...values };
    copy[part.key] = kept;
  }
  return (copy ?? value) as T;
}

function compactAll(items: readonly object[], plan: Plan): readonly object[] {
  return items.length === 0 ? items : items.map((item) => compact(item, plan));
}

function isInitial(content: unknown, initial: unknown): boolean {
  if (content === initial) return true;
  if (typeof content === "number") return content === 0 && typeof initial === "string";
  return content instanceof Uint8Array && content.length === 0;
}

/** The message whose content is these bytes, decoded. */
type Decode = (content: Buffer) => Values;

function decoderOf(fullName: string): Decode {
  // proto-loader's union has no discriminant in its types; `format` names the kind.
  const definition = must(packageDefinition[fullName], `message ${fullName} is known`);
  return (content) => (definition as unknown as MessageTypeDefinition<object, Values>).deserialize(content);
}

/** Nested types have no decoder of their own: their owner's decodes them. */
function decoderOfField(owner: Decode, number: number, name: string): Decode {
  return (content) => {
    const value = owner(Buffer.concat([varint(number * 8 + 2), varint(content.length), content]))[name];
    return (Array.isArray(value) ? value[0] : value) as Values;
  };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

class Planner {
  readonly #names: ReadonlySet<string>;
  readonly #plans = new Map<string, Part[]>();

  constructor(names: ReadonlySet<string>) {
    this.#names = names;
  }

  plan(shape: Shape, decode: Decode): Plan {
    const known = this.#plans.get(shape.name);
    if (known !== undefined) return known;
    const plan: Part[] = [];
    this.#plans.set(shape.name, plan);
    const initials = decode(Buffer.alloc(0));
    for (const [number, { name, message }] of shape.fields) {
      const initial = initials[name];
      if (message !== null) {
        if (message.isMapEntry) continue;
        const inner = this.plan(message, decoderOfField(decode, number, name));
        if (inner.length > 0) plan.push({ key: name, plan: inner });
      } else if (initial !== undefined && !Array.isArray(initial) && this.#names.has(`${shape.name}.${name}`)) {
        plan.push({ key: name, initial, plan: null });
      }
    }
    return plan;
  }
}
