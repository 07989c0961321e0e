// Preloaded into a measured process (node --import): SIGUSR2 begins a CPU profile, a second one writes it to the file
// SHOAL_CPU_PROBE names.
import { Session } from "node:inspector";
import { renameSync, writeFileSync } from "node:fs";

const file = process.env.SHOAL_CPU_PROBE;
const INTERVAL_US = 500;
let session = null;

if (file !== undefined) {
  process.on("SIGUSR2", () => {
    if (session === null) {
      session = new Session();
      session.connect();
      session.post("Profiler.enable");
      session.post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
      session.post("Profiler.start");
      return;
    }
    session.post("Profiler.stop", (_error, { profile }) => {
      writeFileSync(`${file}.part`, JSON.stringify(profile));
      renameSync(`${file}.part`, file);
    });
    session = null;
  });
}
