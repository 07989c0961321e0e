/**
 * What must always hold. A new one is a file in invariants/ and its maker in invariants/all.ts. Hooks throw what is
 * wrong, as an Error with the facts; the run ends there and says the invariant's name.
 */
import type { ChangeSet } from "../../../src/store/types.ts";
import type { FakeEffect } from "../../support/fake-engine.ts";
import type { Delivery } from "../../support/memory-rpc.ts";
import type { Machine } from "../../support/sim-cluster.ts";
import type { World } from "./world.ts";

export type Invariant = {
  readonly name: string;
  /** An entry that no manager applied before; `world.truth` is the state before it. */
  readonly onEntry?: (set: ChangeSet) => void;
  /** The same, when `world.truth` includes it. */
  readonly afterEntry?: (set: ChangeSet) => void;
  /** A manager applies an entry (or, `restored`, a snapshot). */
  readonly onApplied?: (machine: Machine, set: ChangeSet) => void;
  readonly onDelivery?: (delivery: Delivery) => void;
  /** An agent is about to do something to its engine. */
  readonly onEffect?: (machine: Machine, effect: FakeEffect) => void;
  /** A machine's process is about to start. */
  readonly onBoot?: (machine: Machine) => void;
  /** Now and then, for what costs more than O(1). */
  readonly onLook?: () => void;
  /** Everything was healed and has converged. */
  readonly atEnd?: () => void;
};

export type MakeInvariant = (world: World) => Invariant;

/** Ends a run. */
export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, why: string) {
    super(why);
    this.invariant = invariant;
  }
}
