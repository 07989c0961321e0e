/**
 * What never runs twice does not: no container of it starts anywhere while another one of it runs, told or not told to
 * stop, heard of or not. Of a service that is called single later, or again, only what is made from then on counts.
 */
import { slotName } from "../../../../src/model/naming.ts";
import { tiesOf } from "../../../../src/model/ties.ts";
import type { FakeContainer, FakeEffect } from "../../../support/fake-engine.ts";
import type { Machine } from "../../../support/sim-cluster.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

/** Whoever could not act for a part of this time may not have stopped what it had to: longer than managers wait for it. */
const ATTENTION_MS = 40_000;

export const singles: MakeInvariant = (world) => {
  /** By service, while it never runs twice: what was made of it since. */
  const born = new Map<string, Set<string>>();
  const startedAt = new Map<string, number>();
  /** Where each slot ran last. */
  const lastAt = new Map<string, string>();
  /** When an agent was last seen dead, standing still, or without its engine. */
  const absentAt = new Map<string, number>();

  /** Nobody can stop what an agent left running that is gone, or whose engine does not answer. */
  const isUnattended = ({ name }: Machine, { task }: FakeContainer): boolean => {
    const at = absentAt.get(name) ?? -Infinity;
    return (startedAt.get(task.id) ?? 0) <= at && world.sim.now - at < ATTENTION_MS;
  };

  const note = (machine: Machine): void => void absentAt.set(machine.name, world.sim.now);
  return {
    name: "what is single never runs twice",
    afterEntry: ({ changes }) => {
      for (const { table, id, before, after } of changes) {
        if (table === "task" && before === undefined) born.get(after?.serviceId ?? "")?.add(id);
        if (table !== "service") continue;
        if (tiesOf(after?.spec ?? null).single === "") born.delete(id);
        else if (!born.has(id)) born.set(id, new Set());
      }
    },
    onBoot: note,
    onLook: () => {
      for (const machine of world.cluster.machines) {
        if (!machine.isUp || machine.env.isPaused || machine.engine?.outage !== "none") note(machine);
      }
    },
    onEffect: (machine, { op, taskId, container }: FakeEffect) => {
      if (op !== "start" || container === undefined || container.state.state === "running") return;
      startedAt.set(taskId, world.sim.now);
      if (born.get(container.task.serviceId)?.has(taskId) !== true) return;
      const slot = `${container.task.serviceId}/${slotName(container.task)}`;
      if ((lastAt.get(slot) ?? machine.name) !== machine.name) world.coverage.add("single moved");
      lastAt.set(slot, machine.name);
      for (const [other, found] of othersOf(world, container)) {
        if (isUnattended(other, found)) continue;
        const since = Math.round(startedAt.get(found.task.id) ?? 0);
        throw new Error(
          `${machine.name} starts ${taskId} of ${container.task.serviceName} while ${other.name} runs ${found.task.id}, since ${since}`,
        );
      }
    },
  };
};

/** Running containers of the same service, or where only its slots are single of the same slot. */
function* othersOf({ cluster, truth }: World, { task }: FakeContainer): Generator<[Machine, FakeContainer]> {
  const isWhole = truth.get("service", task.serviceId)?.spec?.single === true;
  for (const machine of cluster.machines) {
    for (const other of machine.engine?.running() ?? []) {
      if (other.task.serviceId !== task.serviceId || other.task.id === task.id) continue;
      if (isWhole || slotName(other.task) === slotName(task)) yield [machine, other];
    }
  }
}
