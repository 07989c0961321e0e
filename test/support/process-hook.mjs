// Preloaded into a daemon under test (process-hook.ts): on SIGUSR2 it does what hook.json beside its data directory says,
// and removes the file; from when it can, its own number is in a file beside that. { stallMs }: the event loop stands still. { clockShiftMs }: the wall clock is so far from true.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const file = join(dirname(process.env.SHOAL_DATA_DIR), "hook.json");
const RealDate = Date;
let shiftMs = 0;

const now = () => RealDate.now() + shiftMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});

process.on("SIGUSR2", () => {
  const { stallMs = 0, clockShiftMs = shiftMs } = JSON.parse(readFileSync(file, "utf8"));
  rmSync(file);
  shiftMs = clockShiftMs;
  if (stallMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
});
writeFileSync(`${file}.pid`, String(process.pid));
