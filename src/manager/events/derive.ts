/**
 * The events of one log entry, from its changes and the state right after it. Every manager derives the same ones, in
 * the same order, also when it applies an entry again after a restart: so none travels and none is told twice. Pure.
 */
import type { Event } from "../../model/index.ts";
import type { Change, ChangeSet, ReadTx } from "../../store/types.ts";
import type { Context, Happening } from "./event.ts";
import { clusterEvents, drainEvents, leaderEvents, nodeEvents } from "./node-events.ts";
import { runEvents, serviceEvents } from "./service-events.ts";
import { taskEvents } from "./task-events.ts";

/** @param tx the state as the set left it. A snapshot's set has none: what happened is not in it. */
export function eventsOf(set: ChangeSet, tx: ReadTx): Event[] {
  const { version, timeMs, changes, origin } = set;
  if (origin === null) return [];
  const context: Context = { tx, origin };
  const all = leaderEvents(context);
  for (const change of changes) all.push(...ofChange(change, context));
  all.push(...drainEvents(changes, context));
  return all.map((one, n) => ({ version, n, timeMs, ...one }));
}

function ofChange(change: Change, context: Context): Happening[] {
  switch (change.table) {
    case "task":
      return taskEvents(change, context);
    case "service":
      return serviceEvents(change, context);
    case "node":
      return nodeEvents(change, context);
    case "run":
      return runEvents(change);
    case "cluster":
      return clusterEvents(change, context);
    case "revision":
    case "request":
      return [];
  }
}
