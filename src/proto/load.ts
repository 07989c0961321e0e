/** Typed codecs for messages and RPCs, by their names in proto/. */
import type { MessageTypeDefinition } from "@grpc/proto-loader";
import { compactor } from "./compact.ts";
import { RPC_KINDS, type Messages, type Rpcs } from "./gen/index.ts";
import { packageDefinition } from "./package.ts";
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

function messageType(name: string): MessageTypeDefinition<object, object> {
  const definition = must(packageDefinition[`shoal.v1.${name}`], `message ${name} exists in proto/`);
  // proto-loader's union has no discriminant in its types; `format` names the kind.
  return definition as unknown as MessageTypeDefinition<object, object>;
}

export type Codec<N extends MessageName> = {
  encode(value: Input<N>): Buffer;
  decode(bytes: Uint8Array): Output<N>;
};

export function codec<N extends MessageName>(name: N): Codec<N> {
  const type = messageType(name);
  const compact = compactor(`shoal.v1.${name}`);
  return {
    encode: (value) => type.serialize(compact(value)),
    decode: (bytes) => type.deserialize(asBuffer(bytes)) as Output<N>,
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
  /** The request as it is encoded: without empty fields that not every program knows. */
  compactRequest(value: object): object;
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
    {
      path: string;
      options: Record<string, unknown>;
      requestType: { type: { name: string } };
      responseType: { type: { name: string } };
      requestSerialize(value: object): Buffer;
      requestDeserialize(bytes: Buffer): object;
      responseSerialize(value: object): Buffer;
      responseDeserialize(bytes: Buffer): object;
    }
  >;
  const method = must(methods[name], `rpc ${key} exists`);
  const requestType = method.requestType.type.name;
  const compactRequest = compactor(`shoal.v1.${requestType}`);
  const compactResponse = compactor(`shoal.v1.${method.responseType.type.name}`);
  return {
    key,
    path: method.path,
    kind: RPC_KINDS[key],
    access: parseAccess(key, method.options["(access)"]),
    requestType,
    compactRequest,
    encodeRequest: (value) => method.requestSerialize(compactRequest(value)),
    decodeRequest: (bytes) => method.requestDeserialize(asBuffer(bytes)),
    encodeResponse: (value) => method.responseSerialize(compactResponse(value)),
    decodeResponse: (bytes) => method.responseDeserialize(asBuffer(bytes)),
  };
}

/** An RPC without a declaration is refused here: at build time by `npm run check`, and at start. */
function parseAccess(key: string, option: unknown): AccessRule {
  const raw = (option ?? {}) as { allow?: CallerKind | CallerKind[]; mutation?: boolean; leader?: boolean };
  const allow = raw.allow === undefined ? [] : Array.isArray(raw.allow) ? raw.allow : [raw.allow];
  must(allow[0], `rpc ${key} declares who may call it: add option (access) in proto/`);
  return { allow, mutation: raw.mutation === true, leader: raw.leader === true || raw.mutation === true };
}
