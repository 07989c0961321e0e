/** Durations, byte sizes and CPUs as Docker's users write them. */
import { invalid } from "./errors.ts";

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Go's `1m30s`, `500ms`, `1.5s`; a bare `0` is allowed. @returns milliseconds, rounded. */
export function parseDurationMs(text: string, path: string): number {
  if (text === "0") return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) {
    throw invalid(path, `"${text}" is not a duration`, "write it like 500ms, 10s or 1m30s");
  }
  return Math.round(
    parts.reduce((sum, [, count, unit]) => sum + Number(count) * (DURATION_UNITS_MS[unit ?? ""] ?? 0), 0),
  );
}

/** `64m`, `1gb`, `512KiB`, `1073741824`; binary multiples as docker does. @returns bytes. */
export function parseBytes(text: string, path: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const factor = SIZE_UNITS[(match?.[2] ?? "").toLowerCase()];
  if (match === null || factor === undefined)
    throw invalid(path, `"${text}" is not a size`, "write it like 64m or 1gb");
  return Math.round(Number(match[1]) * factor);
}

/** `0.5` CPUs as nano-CPUs (10^9 is one CPU). */
export function parseNanoCpus(text: string, path: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw invalid(path, `"${text}" is not a number of CPUs`, "write it like 0.5 or 2");
  return Math.round(Number(text) * 1e9);
}

/** 1536 -> `1.5KiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${Number(value.toFixed(1))}${units[at] ?? "B"}`;
}

/** The two-word age of `docker ps`: `5 seconds ago` without the `ago`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return "Less than a second";
  if (seconds < 60) return plural(seconds, "second");
  if (seconds < 3600) return plural(Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return plural(Math.floor(seconds / 3600), "hour");
  return plural(Math.floor(seconds / 86_400), "day");
}

/** A duration as one would write it: `250ms`, `32s`, `1m30s`, `2h`. Rounded to what is worth reading. */
export function formatSpan(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const seconds = Math.round(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => (count > 0 ? `${count}${unit}` : ""))
    .join("");
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
