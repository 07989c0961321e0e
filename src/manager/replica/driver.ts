/** What the parts of a running replica share: the core and the ways to act on it. */
import type { RaftCore } from "../../raft/core.ts";
import type { Event } from "../../raft/types.ts";
import type { Env } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import type { Applier } from "./applier.ts";
import type { Flusher } from "./flusher.ts";
import type { LogStorage } from "./log-storage.ts";
import type { ReplicaMetrics } from "./metrics.ts";
import type { StateMachine } from "./types.ts";

export interface Driver {
  readonly env: Env;
  readonly log: Logger;
  readonly metrics: ReplicaMetrics;
  readonly core: RaftCore;
  readonly applier: Applier;
  readonly flusher: Flusher;
  readonly storage: LogStorage;
  readonly stateMachine: StateMachine;
  /** One step of the core; its effects wait for the end of the turn. */
  step(event: Event): void;
  /** Ends a turn that did not begin in the driver: sends, starts the flush, applies, notifies. */
  finishTurn(): void;
  /** Nothing may be acknowledged any more. */
  fatal(error: Error): void;
}
