/** Typed codecs for messages and RPCs, by their names in proto/. */
import { CODECS } from "./gen/codecs.ts";
import { RPC_KINDS, RPC_TYPES, type Messages, type Rpcs } from "./gen/index.ts";
import { packageDefinition } from "./package.ts";
import { Reader, Writer } from "./wire.ts";
import { must } from "../util/assert.ts";

export type RpcKey = keyof Rpcs;
export type MessageName = keyof Messages;
export type Output<N extends MessageName> = Messages[N]["output"];
export type Input<N extends MessageName> = Messages[N]["input"];
export type Request<K extends RpcKey> = Output<Rpcs[K]["request"]>;
export type RequestInput<K extends RpcKey> = Input<Rpcs[K]["request"]>;
export type Response<K extends RpcKey> = Output<Rpcs[K]["response"]>;
export type ResponseInput<K extends RpcKey> = Input<Rpcs[K]["response"]>;
export type RpcKind = "unary" | "server-stream" | "bidi";
export type KeysOf<Kind extends RpcKind> = { [K in RpcKey]: Rpcs[K]["kind"] extends Kind ? K : never }[RpcKey];

export type CallerKind = "ANYONE" | "WORKER" | "MANAGER" | "ADMIN" | "LOCAL";
export type AccessRule = {
  readonly allow: readonly CallerKind[];
  readonly mutation: boolean;
  readonly leader: boolean;
};

export type Codec<N extends MessageName> = {
  /** Writes nothing for a field that is empty: to a program that does not know the field it is not there. */
  encode(value: Input<N>): Buffer;
  /** @throws AppError `invalid` */
  decode(bytes: Uint8Array): Output<N>;
};

/** Encoding is synchronous and never nests, so that one serves all. */
const writer = new Writer();

export function codec<N extends MessageName>(name: N): Codec<N> {
  const { encode, decode } = CODECS[name];
  return {
    encode: (value) => {
      try {
        encode(writer, value);
        return writer.finish();
      } catch (error) {
        writer.reset();
        throw error;
      }
    },
    decode: (bytes) => decode(new Reader(asBuffer(bytes))),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export type RpcDefinition = {
  readonly key: RpcKey;
  /** `/shoal.v1.Control/CreateService` */
  readonly path: string;
  readonly kind: RpcKind;
  readonly access: AccessRule;
  readonly requestType: string;
  encodeRequest(value: object): Buffer;
  decodeRequest(bytes: Uint8Array): object;
  encodeResponse(value: object): Buffer;
  decodeResponse(bytes: Uint8Array): object;
};

const definitions = new Map<RpcKey, RpcDefinition>();

export function rpc(key: RpcKey): RpcDefinition {
  let known = definitions.get(key);
  if (known === undefined) {
    known = defineRpc(key);
    definitions.set(key, known);
  }
  return known;
}

export const RPC_KEYS = Object.keys(RPC_KINDS) as readonly RpcKey[];

function defineRpc(key: RpcKey): RpcDefinition {
  const [service = "", name = ""] = key.split(".");
  const methods = must(packageDefinition[`shoal.v1.${service}`], `service ${service} exists`) as unknown as Record<
    string,
    { path: string; options: Record<string, unknown> }
  >;
  const method = must(methods[name], `rpc ${key} exists`);
  const [requestType, responseType] = RPC_TYPES[key];
  const request = codec(requestType);
  const response = codec(responseType);
  return {
    key,
    path: method.path,
    kind: RPC_KINDS[key],
    access: parseAccess(key, method.options["(access)"]),
    requestType,
    encodeRequest: (value) => request.encode(value),
    decodeRequest: (bytes) => request.decode(bytes),
    encodeResponse: (value) => response.encode(value),
    decodeResponse: (bytes) => response.decode(bytes),
  };
}

/** An RPC without a declaration is refused here: at build time by `npm run check`, and at start. */
function parseAccess(key: string, option: unknown): AccessRule {
  const raw = (option ?? {}) as { allow?: CallerKind | CallerKind[]; mutation?: boolean; leader?: boolean };
  const allow = raw.allow === undefined ? [] : Array.isArray(raw.allow) ? raw.allow : [raw.allow];
  must(allow[0], `rpc ${key} declares who may call it: add option (access) in proto/`);
  return { allow, mutation: raw.mutation === true, leader: raw.leader === true || raw.mutation === true };
}
