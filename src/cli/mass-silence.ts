/** How lists say that many nodes fell silent at once, so that nothing is replaced for a while. */
import type { MassSilence } from "../model/index.ts";
import { formatSpan } from "../util/units.ts";
import type { Output } from "./output.ts";

/** @param nowMs by the clock of this machine, good enough for a text @returns null once it is over */
export function massSilenceText(mass: MassSilence | null, nowMs: number): string | null {
  if (mass === null || nowMs >= mass.untilMs) return null;
  const { silent, nodes, untilMs } = mass;
  return `${silent} of ${nodes} nodes fell silent at once: nothing is replaced for another ${formatSpan(untilMs - nowMs)}`;
}

export function warnOfMassSilence(out: Output, mass: MassSilence | null, nowMs: number): void {
  const text = massSilenceText(mass, nowMs);
  if (text === null || out.isJson || out.isQuiet) return;
  out.err.write(`${out.painter(out.err)("yellow", text)}\n`);
}
