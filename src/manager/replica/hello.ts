/**
 * What two managers tell each other before anything else, and what a manager concludes about itself
 * from it. Each judges itself alone: a hello may be overtaken by frames of another stream, but one's
 * own facts are of now. Nothing that promises anything goes to a peer before its hello was judged.
 */
import type { MemberId } from "../../raft/types.ts";
import { PROTOCOLS, protocolOf, tooNew } from "../../model/protocol.ts";
import { AppError } from "../../util/errors.ts";
import type { Hello } from "./frame-codec.ts";
import { rolledBack, type DiskAges } from "./peer-writes.ts";

export type HelloProtocols = {
  /** The highest that this program speaks. */
  readonly max: number;
  /** The cluster's, as far as this manager knows. */
  readonly cluster: () => number;
};

/** Default: this program's, and a cluster that was never upgraded. */
export function protocolsOf({ protocols }: { readonly protocols?: HelloProtocols }): HelloProtocols {
  return protocols ?? { max: PROTOCOLS.max, cluster: () => 1 };
}

export function helloFacts(
  disks: DiskAges,
  protocols: HelloProtocols,
  peer: MemberId,
): Pick<Hello, "writes" | "seen" | "protocolMax" | "clusterProtocol"> {
  const { max: protocolMax, cluster } = protocols;
  return { writes: disks.writes, seen: disks.seen(peer), protocolMax, clusterProtocol: cluster() };
}

/** @throws AppError `precondition` for a program that could not read what the cluster writes */
export function refuseJoin(protocolMax: number, { cluster }: HelloProtocols): void {
  const [needs, max] = [cluster(), protocolOf(protocolMax)];
  if (max >= needs) return;
  const { message, details } = tooNew("The cluster", { needs, max });
  throw new AppError("precondition", message, details);
}

type Self = { readonly peer: MemberId; readonly disks: DiskAges; readonly protocols: HelloProtocols };

/** @returns why this manager must stop, or null. */
export function judgeSelf(hello: Hello, { peer, disks, protocols }: Self): AppError | null {
  disks.note(peer, hello.writes);
  if (hello.seen > disks.writes) return rolledBack({ seen: hello.seen, writes: disks.writes, by: peer });
  const needs = hello.clusterProtocol;
  return needs > protocols.max ? tooNew("The cluster", { needs, max: protocols.max }) : null;
}
