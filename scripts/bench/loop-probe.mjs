// Preloaded into a measured process (node --import): every second one JSON line of the event loop's delays into the
// file SHOAL_LOOP_PROBE names. Sampled more finely than /metrics does, which is tuned for idle processes.
import { appendFileSync } from "node:fs";

const file = process.env.SHOAL_LOOP_PROBE;
const EVERY_MS = 10;
/** Shorter delays are only counted. */
const KEPT_MS = 3;

if (file !== undefined) {
  let dueAt = performance.now() + EVERY_MS;
  let samples = 0;
  let delays = [];
  let writtenAt = performance.now();
  setInterval(() => {
    const now = performance.now();
    const delay = Math.max(0, now - dueAt);
    dueAt = now + EVERY_MS;
    samples += 1;
    if (delay >= KEPT_MS) delays.push(Math.round(delay * 10) / 10);
    if (now - writtenAt < 1000) return;
    writtenAt = now;
    appendFileSync(file, `${JSON.stringify({ atMs: Date.now(), samples, delays })}\n`);
    samples = 0;
    delays = [];
  }, EVERY_MS).unref();
}
