/** Facts about what clients were told. */
import { same } from "./expectation.ts";
import type { Expectations } from "./expectation.ts";

export const answerExpectations: Expectations = {
  /** `expect refused not-ready`: the last proposal, of entries or of a membership. */
  refused({ answer }, args) {
    if (answer === null) throw new Error("Nothing was proposed");
    same("the refusal to be", answer.refusal ?? "none: it was taken", args.rest().join(" "));
  },

  accepted({ answer }) {
    if (answer === null) throw new Error("Nothing was proposed");
    same("the refusal to be", answer.refusal ?? "none", "none");
  },

  /** `expect read r1 5` (its index), `expect read r1 failed`, `expect read r1 waiting`. */
  read(world, args) {
    const name = args.next("The read");
    const result = world.nodes.map((node) => node.reads.get(Number(name.slice(1)))).find(Boolean);
    let actual = "waiting";
    if (result !== undefined) actual = result.ok ? `${result.index}` : "failed";
    same(`${name} to be`, actual, args.next("What became of it"));
  },

  /** `expect pull 3 5/2 1`: it pulls the snapshot at 5 of term 2 from 1. `expect pull 3 none`. */
  pull(world, args) {
    const node = world.node(args.next("The member"));
    const { pull } = node;
    const actual = pull === null ? "none" : `${pull.meta.index}/${pull.meta.term} ${pull.from}`;
    same(`member ${node.id} to pull`, actual, args.rest().join(" "));
  },
};
