/** Every fault there is. */
import type { Fault } from "../fault.ts";
import { DISK_FAULTS } from "./disk.ts";
import { ENGINE_FAULTS } from "./engine.ts";
import { LONG_FAULTS } from "./long.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { PROCESS_FAULTS } from "./process.ts";

export const FAULTS: readonly Fault[] = [
  ...NETWORK_FAULTS,
  ...PROCESS_FAULTS,
  ...DISK_FAULTS,
  ...ENGINE_FAULTS,
  ...LONG_FAULTS,
];
