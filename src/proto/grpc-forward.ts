/** The identity a manager forwards a call for, as request metadata. Only a manager's is believed. */
import { Metadata } from "@grpc/grpc-js";
import { AppError, isAppError } from "../util/errors.ts";
import { SENT_NO } from "./grpc-status.ts";
import type { Caller } from "./rpc.ts";

const FORWARDED_FOR = "shoal-forwarded-for-bin";
/** A caller is two ids and a name. */
const FORWARDED_BYTES_MAX = 1024;
/** In the details of a refusal. */
const FORWARDER = "forwarder";

export function forwardingMetadata(onBehalfOf: Caller | undefined): Metadata {
  const metadata = new Metadata();
  if (onBehalfOf !== undefined) metadata.set(FORWARDED_FOR, Buffer.from(JSON.stringify(onBehalfOf)));
  return metadata;
}

/**
 * @returns undefined for a call of the peer itself.
 * @throws AppError `denied` when a peer other than a manager speaks for somebody.
 */
export function forwardedCaller(metadata: Metadata, peer: Caller): Caller | undefined {
  const value = metadata.get(FORWARDED_FOR)[0];
  if (value === undefined) return undefined;
  if (peer.kind !== "node" || peer.role !== "manager") {
    throw new AppError("denied", "Only a manager may forward a call for somebody else");
  }
  const caller = typeof value === "string" ? undefined : parseCaller(value, peer.clusterId);
  if (caller === undefined) throw new AppError("invalid", `The metadata ${FORWARDED_FOR} is not a caller`);
  return caller;
}

/** It is about who forwards, not about the caller. */
export function refusedForwarder({ code, message, details }: AppError): AppError {
  return new AppError(code, message, { ...details, refused: FORWARDER });
}

/** What a caller is told whose call was forwarded by a node that may not do so (any more). Nothing was done. */
export function asForwarderRefused(error: unknown): AppError | null {
  if (!isAppError(error) || error.details["refused"] !== FORWARDER) return null;
  return new AppError("unavailable", `This manager may not act for its callers at present: ${error.message}`, {
    sent: SENT_NO,
    next: "ask another manager",
  });
}

function parseCaller(bytes: Buffer, clusterId: string): Caller | undefined {
  if (bytes.length > FORWARDED_BYTES_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, name, nodeId, role } = Object.fromEntries(Object.entries(value)) as Record<string, unknown>;
  switch (kind) {
    case "anonymous":
      return { kind };
    // The administrator of another machine is no local caller here: only an administrator.
    case "local":
      return { kind: "admin", name: "local", clusterId };
    case "admin":
      return typeof name === "string" ? { kind, name, clusterId } : undefined;
    case "node":
      if (typeof nodeId !== "string" || (role !== "worker" && role !== "manager")) return undefined;
      return { kind, nodeId, role, clusterId };
    default:
      return undefined;
  }
}
