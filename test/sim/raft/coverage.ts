/** Rare things are counted as they happen, so that a run in which one never did can be told from a proof. */
import type { Effects, Event, Message } from "../../../src/raft/types.ts";
import type { Before, Machine } from "./machine.ts";

type Count = (what: string) => void;

export function countStep(count: Count, machine: Machine, before: Before, event: Event, effects: Effects): void {
  for (const message of effects.messages) countMessage(count, message);
  const { core } = machine;
  const first = effects.persist?.entries[0];
  if (first !== undefined && first.index <= before.lastIndex) count("truncations");
  if (effects.persist !== null) for (const { kind } of effects.persist.entries) if (kind === "config") count("configs");
  for (const read of effects.reads) count(read.ok ? "readsConfirmed" : "readsFailed");
  if (before.isLeader && !core.isLeader) count(event.type === "tick" ? "quorumsLost" : "stepDowns");
  if (event.type === "snapshot-taken") count("snapshotsTaken");
  else if (event.type === "snapshot-failed") count("pullsFailed");
}

function countMessage(count: Count, message: Message): void {
  switch (message.type) {
    case "pre-vote-reply":
      if (!message.granted) count("preVotesRefused");
      return;
    case "vote":
      if (message.transfer) count("transfersTried");
      return;
    case "vote-reply":
      count(message.granted ? "votesGranted" : "votesRefused");
      return;
    case "append-reply":
      if (message.ok) return;
      count("appendsRejected");
      if (message.hintIndex < message.index - 1) count("hintSkips");
      return;
    case "snapshot":
      count("snapshotsOffered");
      return;
    case "read-index":
      count("readsForwarded");
      return;
    case "removed":
      count("toldRemoved");
      return;
    default:
  }
}

const RARE = {
  faults:
    "crashes powerCuts blackouts pauses loopStalls clockJumps partitions strands oneWayCuts partialCuts flaps resets halfOpens " +
    "framesLost framesDuplicated framesLate bodiesDamagedOnTheWay pullsFailed EIO ENOSPC diskFailuresSeen rots holes " +
    "bodyRots damageFound rollbacks promisesForgotten hints leftDown",
  elections: "elections preVotesRefused votesRefused quorumsLost stepDowns transfers transfersTried",
  logs: "truncations appendsRejected hintSkips snapshotsTaken snapshotsLoaded snapshotsOffered snapshotsInstalled",
  members: "configs adds removes demotes membersRemoved toldRemoved",
  clients: "reads readsForwarded readsFailed writes refused unknown",
};

/** What a few hundred seeds must have seen at least once: if one of these never happened, nothing is known of it. */
export const RARE_THINGS: readonly string[] = Object.values(RARE).flatMap((names) => names.split(" "));
