/** Operating systems and architectures: the names engines, kernels and people use for the same thing. */
import type { Platform } from "./index.ts";

const ARCHITECTURE_ALIASES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** Lower case, with `x86_64` and `aarch64` under their image names. */
export function normalArchitecture(architecture: string): string {
  const lower = architecture.toLowerCase();
  return ARCHITECTURE_ALIASES[lower] ?? lower;
}

/** Empty parts of `wanted` match anything. */
export function platformMatches(wanted: Platform, actual: Platform): boolean {
  const osMatches = wanted.os === "" || wanted.os.toLowerCase() === actual.os.toLowerCase();
  return (
    osMatches &&
    (wanted.architecture === "" || normalArchitecture(wanted.architecture) === normalArchitecture(actual.architecture))
  );
}
