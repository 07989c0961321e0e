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
  readonly time: HelloTime;
  readonly addresses: PeerAddresses;
};

/** Peers that no configuration here names yet are reached where they say. */
export type PeerAddresses = {
  /** This manager's. It may lead before anybody's configuration says it. */
  readonly own: string;
  readonly heard: (peer: MemberId, address: string) => void;
};

/** Cluster time as managers tell it each other, Unix ms: who has just started has nothing but a wall clock. */
export type HelloTime = {
  /** 0: not known here. */
  readonly known: () => number;
  readonly heard: (timeMs: number) => void;
};

const NO_TIME: HelloTime = { known: () => 0, heard: () => undefined };
const NO_ADDRESSES: PeerAddresses = { own: "", heard: () => undefined };

/** Default: this program's protocols, a cluster that was never upgraded, no state, no time and no address. */
export function ownFacts(options: Partial<Omit<Self, "disks">>): Omit<Self, "disks"> {
  const { protocols = { max: PROTOCOLS.max, cluster: () => 1 }, incarnation = () => "" } = options;
  const { time = NO_TIME, addresses = NO_ADDRESSES } = options;
  return { protocols, incarnation, time, addresses };
}

export function helloFacts(
  { disks, protocols, incarnation, time, addresses }: Self,
  peer: MemberId,
): Omit<Hello, "protocolVersion" | "clusterId" | "from" | "to"> {
  const { max: protocolMax, cluster } = protocols;
  return {
    writes: disks.writes,
    seen: disks.seen(peer),
    protocolMax,
    clusterProtocol: cluster(),
    incarnation: incarnation(),
    timeMs: time.known(),
    address: addresses.own,
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
export function judgeSelf(hello: Hello, peer: MemberId, self: Self): AppError | null {
  const { disks, protocols, incarnation, time, addresses } = self;
  const relation = relate(hello.incarnation, incarnation());
  if (relation === "newer") return supersededBy(hello.incarnation);
  // What another life of the cluster knows of disks says nothing about this one.
  if (relation === "older" || relation === "other") return null;
  disks.note(peer, hello.writes);
  if (hello.timeMs > 0) time.heard(hello.timeMs);
  if (hello.address !== "") addresses.heard(peer, hello.address);
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
