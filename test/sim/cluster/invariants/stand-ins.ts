/**
 * Nothing takes the place of a task whose node is not known to be lost: it is drained, or was silent for as long as its
 * service waits, or its engine was for five minutes. Told by what the state says at that very entry.
 */
import { tiesOf } from "../../../../src/model/ties.ts";
import type { Node, Service, Task } from "../../../../src/model/index.ts";
import type { MakeInvariant } from "../invariant.ts";

const SILENT_MS = 6_000;
const CLOSED_MS = 30_000;
const ENGINE_MS = 300_000;

export const standIns: MakeInvariant = (world) => ({
  name: "only what is lost is replaced",
  afterEntry: ({ changes, timeMs, version }) => {
    for (const { table, before, after } of changes) {
      if (table !== "task" || before !== undefined || after === undefined || after.replaces === "") continue;
      const original = world.truth.get("task", after.replaces);
      const node = world.truth.get("node", original?.nodeId ?? "");
      // Moved for balance, or its node is gone.
      if (original === undefined || original.move !== null || node === undefined) continue;
      const why = keptFor(node, world.truth.get("service", after.serviceId), timeMs);
      if (why !== null) throw new Error(`${after.id} takes the place of ${textOf(original)} at ${version}, but ${why}`);
      world.coverage.add("stand-in made");
    }
  },
});

/** Why nothing of the node is to be replaced; null if it may be. */
function keptFor({ spec, status }: Node, service: Service | undefined, nowMs: number): string | null {
  if (spec?.availability === "DRAIN" || status?.state === "LEFT") return null;
  if (status?.state === "READY") {
    if (status.engineOk || status.engineMessage === "") return "its node and its engine answer";
    const ms = nowMs - status.engineSinceMs;
    return ms >= ENGINE_MS ? null : `its engine does not answer for ${ms} ms only`;
  }
  const { ms = 0, closed = false } = status?.silence ?? {};
  if (status?.state === "DOWN" && status.silence === null) return null;
  if (tiesOf(service?.spec ?? null).local !== "") return "its data is there";
  const own = service?.spec?.nodeLoss?.replaceAfterMs || SILENT_MS;
  const leastMs = closed ? Math.max(CLOSED_MS, own) : own;
  return ms >= leastMs ? null : `its node is silent for ${ms} ms only`;
}

function textOf({ id, serviceName, slot, nodeId }: Task): string {
  return `${id} of ${serviceName}.${slot} on ${nodeId}`;
}
