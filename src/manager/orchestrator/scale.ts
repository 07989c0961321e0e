/** Which slots a service keeps, loses and gains. Order of scale-down is Swarm's. */
import { observedState } from "../../model/task-state.ts";
import { bySlot } from "./slot.ts";
import type { Slot, SlotTask } from "./slot.ts";

export type Scale = {
  readonly keep: readonly Slot[];
  readonly drop: readonly Slot[];
  /** Slot numbers to create, ascending. */
  readonly add: readonly number[];
};

export function planScale(slots: readonly Slot[], replicas: number): Scale {
  const occupied = slots.filter(isOccupied);
  if (occupied.length > replicas) {
    const ranked = survivorsFirst(occupied);
    const keep = new Set(ranked.slice(0, replicas));
    return { keep: occupied.filter((slot) => keep.has(slot)), drop: ranked.slice(replicas), add: [] };
  }
  return { keep: occupied, drop: [], add: freeNumbers(occupied, replicas - occupied.length) };
}

/** A slot whose tasks are all being removed is free; one whose task stopped for good is not. */
function isOccupied(slot: Slot): boolean {
  return slot.tasks.some(({ task }) => task.desired !== "REMOVE");
}

/**
 * Balance over nodes first: a slot's rank is that it holds the n-th copy of the service on its node.
 * Running copies count before others and low slots before high ones; a slot without a node ranks last.
 */
function survivorsFirst(slots: readonly Slot[]): Slot[] {
  const candidates = slots
    .map((slot) => {
      const holder = representative(slot);
      return { slot, nodeId: holder?.task.nodeId ?? "", running: isRunning(holder), rank: Infinity };
    })
    .sort((a, b) => Number(b.running) - Number(a.running) || bySlot(a.slot, b.slot));
  const copies = new Map<string, number>();
  for (const candidate of candidates) {
    if (candidate.nodeId === "") continue;
    candidate.rank = (copies.get(candidate.nodeId) ?? 0) + 1;
    copies.set(candidate.nodeId, candidate.rank);
  }
  // Stable, so what the first sort ordered decides among equal ranks. Infinity minus itself is NaN, hence `||`.
  return candidates.sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank)).map(({ slot }) => slot);
}

/** The task that says where a slot is: one that serves, else one that may, else a silent one. */
function representative(slot: Slot): SlotTask | undefined {
  return (
    slot.tasks.find((view) => view.serving) ??
    slot.tasks.find((view) => view.fate === "good") ??
    slot.tasks.find((view) => view.fate === "silent")
  );
}

function isRunning(view: SlotTask | undefined): boolean {
  return view !== undefined && view.fate === "good" && observedState(view.task) === "RUNNING";
}

function freeNumbers(occupied: readonly Slot[], count: number): number[] {
  const taken = new Set(occupied.map((slot) => slot.number));
  const free: number[] = [];
  for (let number = 1; free.length < count; number += 1) {
    if (!taken.has(number)) free.push(number);
  }
  return free;
}
