/** The slots of what has one task on every node: each node's, with what the node is to the service. Pure. */
import { membershipOf } from "../../model/membership.ts";
import type { Membership } from "../../model/membership.ts";
import type { Node } from "../../model/index.ts";
import { slotsOf } from "./slot.ts";
import type { ServiceState, Slot } from "./slot.ts";

export type NodeSlot = Membership & { readonly slot: Slot };

export type NodeSlots = {
  /** Of every node, the slot empty where it has none. */
  readonly members: readonly NodeSlot[];
  /** Of nodes that were removed. */
  readonly gone: readonly Slot[];
};

export function nodeSlotsOf(state: ServiceState): NodeSlots {
  const known = new Map(slotsOf(state).map((slot) => [slot.key, slot]));
  const members: NodeSlot[] = [];
  for (const node of state.nodes()) {
    const slot = known.get(node.id) ?? emptySlot(node);
    known.delete(node.id);
    members.push({ slot, ...membershipOf(node, state.spec, state.nowMs) });
  }
  return { members, gone: [...known.values()] };
}

function emptySlot(node: Node): Slot {
  return { key: node.id, number: 0, nodeId: node.id, tasks: [] };
}
