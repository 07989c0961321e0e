/** What a verified certificate says about its owner. Whether it is still welcome is the router's question. */
import type { PeerCertificate } from "node:tls";
import type { PeerIdentity } from "../proto/grpc-tls.ts";
import type { Caller } from "../proto/rpc.ts";
import { isId } from "../util/id.ts";

const ANONYMOUS: Caller = { kind: "anonymous" };

/**
 * Never throws: a certificate of our root with a subject we do not write gives `anonymous`.
 * The chain has been verified by TLS before this is called.
 */
export function identify(certificate: PeerCertificate): PeerIdentity {
  const expiresAtMs = Date.parse(certificate.valid_to);
  const subject = Object.fromEntries(Object.entries(certificate.subject));
  return { caller: callerOf(subject), expiresAtMs: Number.isNaN(expiresAtMs) ? 0 : expiresAtMs };
}

function callerOf({ CN, OU, O }: Readonly<Record<string, unknown>>): Caller {
  if (typeof CN !== "string" || typeof O !== "string" || !isId(O)) return ANONYMOUS;
  switch (OU) {
    case "worker":
    case "manager":
      return isId(CN) ? { kind: "node", nodeId: CN, role: OU, clusterId: O } : ANONYMOUS;
    case "admin":
      return { kind: "admin", name: CN, clusterId: O };
    default:
      return ANONYMOUS;
  }
}
