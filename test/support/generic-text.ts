import type { GenericResource } from "../../src/model/index.ts";

/** `gpu=UUID1,UUID2 ssd=3` */
export function genericText(generic: readonly GenericResource[]): string {
  return generic.map(({ kind, count, names }) => `${kind}=${names.length > 0 ? names.join(",") : count}`).join(" ");
}
