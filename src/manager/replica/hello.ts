/**
 * What two managers tell each other before anything else, and what a manager concludes about itself
 * from it. Each judges itself alone: a hello may be overtaken by frames of another stream, but one's
 * own facts are of now. Nothing that promises anything goes to a peer before its hello was judged.
 */
import type { MemberId } from "../../raft/types.ts";
import { relate, supersededBy } from "../../model/incarnation.ts";
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

/** What a manager knows of itself and its cluster at any time. */
export type Self = {
  readonly disks: DiskAges;
  readonly protocols: HelloProtocols;
  /** Of its state; empty while it has none. */
  readonly incarnation: () => string;
};

/** Default: this program's protocols, a cluster that was never upgraded, and no state. */
export function ownFacts(options: Partial<Omit<Self, "disks">>): Omit<Self, "disks"> {
  const { protocols = { max: PROTOCOLS.max, cluster: () => 1 }, incarnation = () => "" } = options;
  return { protocols, incarnation };
}

export function helloFacts(
  { disks, protocols, incarnation }: Self,
  peer: MemberId,
): Pick<Hello, "writes" | "seen" | "protocolMax" | "clusterProtocol" | "incarnation"> {
  const { max: protocolMax, cluster } = protocols;
  return {
    writes: disks.writes,
    seen: disks.seen(peer),
    protocolMax,
    clusterProtocol: cluster(),
    incarnation: incarnation(),
  };
}

/** @throws AppError `precondition` for a program that could not read what the cluster writes */
export function refuseJoin(protocolMax: number, { cluster }: HelloProtocols): void {
  const [needs, max] = [cluster(), protocolOf(protocolMax)];
  if (max >= needs) return;
  const { message, details } = tooNew("The cluster", { needs, max });
  throw new AppError("precondition", message, details);
}

/** @returns why this manager must stop, or null. */
export function judgeSelf(hello: Hello, peer: MemberId, { disks, protocols, incarnation }: Self): AppError | null {
  const relation = relate(hello.incarnation, incarnation());
  if (relation === "newer") return supersededBy(hello.incarnation);
  // What another life of the cluster knows of disks says nothing about this one.
  if (relation === "older" || relation === "other") return null;
  disks.note(peer, hello.writes);
  if (hello.seen > disks.writes) return rolledBack({ seen: hello.seen, writes: disks.writes, by: peer });
  const needs = hello.clusterProtocol;
  return needs > protocols.max ? tooNew("The cluster", { needs, max: protocols.max }) : null;
}

/** Why the sender of a hello must not be talked to, or null. It concludes about itself from the incarnation named. */
export function refuseLife(hello: Hello, { incarnation }: Self): AppError | null {
  const ours = incarnation();
  const relation = relate(hello.incarnation, ours);
  if (relation !== "older" && relation !== "other") return null;
  const what = relation === "older" ? "an earlier" : "another";
  return new AppError("denied", `Node ${hello.from} is of ${what} incarnation of this cluster`, { incarnation: ours });
}
