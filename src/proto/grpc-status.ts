/** What grpc-js reports at the end of a call, as our errors: what the server said, and what the network did. */
import { Metadata, status as Status, type StatusObject } from "@grpc/grpc-js";
import { AppError } from "../util/errors.ts";
import { fromStatus, toStatus, TRAILER_CODE, TRAILER_DETAILS } from "./status.ts";
import type { StreamEnd } from "./rpc.ts";

/** In details of `unavailable`: whether the request may have reached the server. */
export const SENT_NO = "no";
export const SENT_MAYBE = "maybe";

export type WireEnd = { readonly code: number; readonly details: string; readonly metadata: Metadata };

export function toWireEnd(error: AppError): WireEnd {
  const { code, message, trailers } = toStatus(error);
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) {
    if (value.length > STATUS_MESSAGE_MAX) continue;
    metadata.set(key, key.endsWith("-bin") ? Buffer.from(value) : value);
  }
  return { code, details: headerText(message), metadata };
}

/** One line, bounded, and well-formed: grpc-js throws on half a surrogate pair. */
function headerText(message: string): string {
  return Buffer.from(message.replaceAll(/[\r\n]+/g, " ").slice(0, STATUS_MESSAGE_MAX)).toString();
}

/** Headers beyond 16 KiB are refused by many HTTP/2 peers; percent-encoding triples the worst text. */
const STATUS_MESSAGE_MAX = 2048;

export type EndContext = {
  readonly address: string;
  /** The peer's FIN or RST was seen on the connection this call used. */
  readonly isPeerClosed: boolean;
};

/** @returns null error for OK. Only errors that this side made up can be a reset. */
export function fromGrpcStatus(status: StatusObject, context: EndContext): StreamEnd {
  if (status.code === Status.OK) return { error: null, reset: false };
  const trailers = textTrailers(status.metadata);
  if (trailers[TRAILER_CODE] !== undefined) {
    return { error: fromStatus({ code: status.code, message: status.details, trailers }), reset: false };
  }
  if (isConnectionFailure(status)) return connectionFailure(status, context);
  return { error: fromStatus({ code: status.code, message: status.details, trailers }), reset: false };
}

/**
 * Without our trailer the text is grpc-js's own. A call we did not cancel that ends CANCELLED, and
 * INTERNAL for a RST_STREAM, are connections or servers going away too.
 */
function isConnectionFailure({ code, details }: StatusObject): boolean {
  if (code === Status.UNAVAILABLE || code === Status.CANCELLED) return true;
  return code === Status.INTERNAL && details.startsWith("Received RST_STREAM");
}

function connectionFailure({ details }: StatusObject, context: EndContext): StreamEnd {
  const { address } = context;
  const isRefused = /ECONNREFUSED|ENOENT/.test(details);
  const isNeverConnected = isRefused || /No connection established|Name resolution|before call started/.test(details);
  const isBroken = !isNeverConnected && (context.isPeerClosed || /ECONNRESET|EPIPE/.test(details));
  const message = isNeverConnected
    ? `Cannot reach ${address}: ${shortReason(details)}`
    : `The connection to ${address} broke: ${shortReason(details)}`;
  const next = nextStep(details) ?? (isNeverConnected ? UNREACHABLE_NEXT : undefined);
  const error = new AppError("unavailable", message, {
    sent: isNeverConnected ? SENT_NO : SENT_MAYBE,
    ...(next === undefined ? {} : { next }),
  });
  return { error, reset: isRefused || isBroken };
}

const UNREACHABLE_NEXT = "check the address and the network, and that a daemon runs there";
const TLS_TROUBLE = /certificate|altnames|alert|SSL|TLS/i;

function nextStep(details: string): string | undefined {
  if (/expired/i.test(details)) return "renew the certificate: join again, or import a new context";
  if (/Host: manager\.shoal\./.test(details)) return "use the address of a manager: shoal node ls";
  if (TLS_TROUBLE.test(details)) return "check that the address belongs to this cluster";
  if (/ENOENT/.test(details)) return "start it with `shoal daemon`";
  return undefined;
}

/** Drops grpc-js's wrapping and the time it appends. */
function shortReason(details: string): string {
  const isManagerWanted = /Host: manager\.shoal\./.test(details);
  if (/ERR_TLS_CERT_ALTNAME_INVALID/.test(details)) {
    return isManagerWanted ? "it is no manager" : "another node answers there than the one that is meant";
  }
  return details
    .replace(/^No connection established\. Last error: /, "")
    .replace(/^(Error: )+/, "")
    .replace(/ Resolution note:.*$/s, "")
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)\.?$/, "")
    .trim();
}

function textTrailers(metadata: Metadata): Record<string, string> {
  const trailers: Record<string, string> = {};
  for (const key of [TRAILER_CODE, TRAILER_DETAILS]) {
    const value = metadata.get(key)[0];
    if (value !== undefined) trailers[key] = value.toString();
  }
  return trailers;
}
