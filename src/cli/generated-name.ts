/** What a service is called for which no name was given: by what it runs, and five letters against a second one. Pure. */
import { toBase36 } from "../util/id.ts";

const SUFFIX_LENGTH = 5;
/** A name has 63 characters at most (model/checks.ts). */
const STEM_LENGTH_MAX = 63 - 1 - SUFFIX_LENGTH;
/** For five letters of base 36, with bits to spare. */
export const NAME_DICE_BYTES = 8;

/** @param what an image, or a program. @param dice NAME_DICE_BYTES random bytes */
export function generatedName(what: string, dice: Uint8Array): string {
  const [name = ""] = what.split("@");
  const last = name.split("/").at(-1)?.split(":")[0] ?? "";
  const stem = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, STEM_LENGTH_MAX)
    .replace(/^-|-$/g, "");
  return `${stem === "" ? "service" : stem}-${toBase36(dice, SUFFIX_LENGTH).slice(-SUFFIX_LENGTH)}`;
}
