/**
 * Many nodes that fall silent at once are rather a network or a listener in trouble than so many dead
 * hosts: replacing everything they run would only add to it. Pure.
 */
import type { MassSilence, NodeState } from "../../model/index.ts";
import { UNREACHABLE_AFTER_MS } from "../../model/node-loss.ts";
import type { NodeLink } from "./liveness.ts";

/** Silences that began within this time of each other count as one. */
export const MASS_WINDOW_MS = 10_000;
/** From the moment it is noticed; it ends even if the silence does not. */
export const MASS_HOLD_MS = 60_000;

/** One silent node is one silent node, in the smallest cluster too. */
const SILENT_MIN = 2;

export type Listened = { readonly link: NodeLink; readonly state: NodeState };

/** @returns how many of how many nodes fell silent, or null if it is no more than half of them */
export function massSilence(nodes: Iterable<Listened>, now: number): Pick<MassSilence, "silent" | "nodes"> | null {
  let [silent, count] = [0, 0];
  for (const { link, state } of nodes) {
    const silentMs = now - link.at;
    const fellSilent = silentMs >= UNREACHABLE_AFTER_MS && silentMs < UNREACHABLE_AFTER_MS + MASS_WINDOW_MS;
    if (!counts(state, link, fellSilent)) continue;
    count += 1;
    if (fellSilent) silent += 1;
  }
  return silent >= SILENT_MIN && silent * 2 > count ? { silent, nodes: count } : null;
}

/** Of the nodes that were there before: not those that left, never came, or were given up earlier. */
function counts(state: NodeState, { kind }: NodeLink, fellSilent: boolean): boolean {
  if (kind === "GOODBYE" || state === "LEFT" || state === "UNKNOWN") return false;
  return state !== "DOWN" || (fellSilent && kind !== "UNHEARD");
}
