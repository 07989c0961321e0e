/** Operating systems and architectures: the names engines, kernels and people use for the same thing. */
import type { Platform } from "./index.ts";

/** To the names that images use. */
const ARCHITECTURE_ALIASES: ReadonlyMap<string, string> = new Map([
  ["x86_64", "amd64"],
  ["x86-64", "amd64"],
  ["aarch64", "arm64"],
  ["armv8l", "arm64"],
  ["armv7l", "arm"],
  ["armv6l", "arm"],
  ["armhf", "arm"],
  ["armel", "arm"],
  ["i386", "386"],
  ["i486", "386"],
  ["i586", "386"],
  ["i686", "386"],
  ["x86", "386"],
  ["ppc64el", "ppc64le"],
]);
const OS_ALIASES: ReadonlyMap<string, string> = new Map([
  ["macos", "darwin"],
  ["osx", "darwin"],
]);

/** Lower case, under the name images use. */
export function normalArchitecture(architecture: string): string {
  const lower = architecture.toLowerCase();
  return ARCHITECTURE_ALIASES.get(lower) ?? lower;
}

export function normalOs(os: string): string {
  const lower = os.toLowerCase();
  return OS_ALIASES.get(lower) ?? lower;
}

/** Empty parts of `wanted` match anything. */
export function platformMatches(wanted: Platform, actual: Platform): boolean {
  const osMatches = wanted.os === "" || normalOs(wanted.os) === normalOs(actual.os);
  return (
    osMatches &&
    (wanted.architecture === "" || normalArchitecture(wanted.architecture) === normalArchitecture(actual.architecture))
  );
}

/** `linux/arm64`, empty parts as any. */
export function platformText({ os, architecture }: Platform): string {
  return `${os === "" ? "any" : normalOs(os)}/${architecture === "" ? "any" : normalArchitecture(architecture)}`;
}
