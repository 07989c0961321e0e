/** What clients and operators ask of a member. A refusal is an answer, which the script may expect. */
import { makeConfig } from "../../../../src/raft/config.ts";
import type { Config, Member } from "../../../../src/raft/types.ts";
import type { Args } from "../args.ts";
import type { ScriptNode } from "../node.ts";
import { memberAt, payloadOf } from "../words.ts";
import type { World } from "../world.ts";
import { nextNode } from "./command.ts";
import type { Commands } from "./command.ts";

export const clientCommands: Commands = {
  /** `propose 1 x y`: two entries as one block; `x*100`: a hundred; `x~500`: one of 500 bytes. */
  propose(world, args) {
    const node = nextNode(world, args);
    const payloads = args.rest().flatMap((word) => {
      const [text = "", times = "1"] = word.split("*");
      return Array.from({ length: Number(times) }, () => payloadOf(text));
    });
    const can = node.running.canPropose(payloads.reduce((sum, { byteLength }) => sum + byteLength, 0));
    answer(world, node, can.ok ? null : can.reason);
    if (can.ok) world.step(node, { type: "propose", payloads });
  },

  /** `read 2`: the reads of a script are r1, r2, ... */
  read(world, args) {
    world.read(nextNode(world, args));
  },

  /** `transfer 1 2`, or `transfer 1`: to whoever is best. */
  transfer(world, args) {
    const node = nextNode(world, args);
    world.step(node, { type: "transfer", to: args.isEmpty ? null : args.next("To whom") });
  },

  "step-down"(world, args) {
    world.step(nextNode(world, args), { type: "step-down", why: "the script says so" });
  },

  // Membership: `add-learner 1 4`: asked of member 1, about member 4. With `force` where advice is to be ignored.

  "add-learner": (world, args) => change(world, args, (config, id) => withRole(config, id, "learner")),

  promote: (world, args) => change(world, args, (config, id) => withRole(config, id, "voter")),

  demote: (world, args) => change(world, args, (config, id) => withRole(config, id, "learner")),

  remove: (world, args) => change(world, args, without),

  /** `move 1 2 at=elsewhere:1`: another address. */
  move(world, args) {
    const address = args.named("at");
    if (address === undefined) throw new Error("at= is missing");
    change(world, args, (config, id) => {
      const role = config.members.find((member) => member.id === id)?.role ?? "learner";
      return makeConfig([...without(config, id).members, memberAt(id, role, address)]);
    });
  },

  /** `replace 1 2 by=4`: two voters change at once, which no leader may do. */
  replace(world, args) {
    const by = args.named("by");
    if (by === undefined) throw new Error("by= is missing");
    change(world, args, (config, id) => withRole(without(config, id), by, "voter"));
  },
};

function change(world: World, args: Args, next: (config: Config, id: string) => Config): void {
  const node = nextNode(world, args);
  const force = args.flag("force");
  const config = next(node.status.config, args.next("About whom"));
  const can = node.running.canProposeConfig(config, { force });
  answer(world, node, can.ok ? null : can.reason);
  if (can.ok) world.step(node, { type: "propose-config", config });
}

function answer(world: World, node: ScriptNode, refusal: string | null): void {
  world.answer = { refusal };
  const { leader } = node.status;
  if (refusal !== null)
    world.trace.fact(`${node.id} refuses: ${refusal}${leader === null ? "" : `, leader ${leader}`}`);
}

function without(config: Config, id: string): Config {
  return makeConfig(config.members.filter((member) => member.id !== id));
}

function withRole(config: Config, id: string, role: Member["role"]): Config {
  return makeConfig([...without(config, id).members, memberAt(id, role)]);
}
