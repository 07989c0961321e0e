/** One member of a script: its core, its disk, and what the disk has not finished. */
import type { RaftCore } from "../../../src/raft/core.ts";
import type { Entry, MemberId, Persist, ReadResult, SnapshotMeta, Status } from "../../../src/raft/types.ts";
import type { Watched } from "../raft-oracle/invariants.ts";
import { Disk } from "./disk.ts";
import type { View } from "./state-line.ts";

/** Under way until a command lets it finish: at a crash it is lost. */
export type Write = { readonly persist: Persist } | { readonly install: SnapshotMeta };

/** `isThere`: its source had it when the pull began, and keeps it for that long. */
export type Pull = { readonly from: MemberId; readonly meta: SnapshotMeta; readonly isThere: boolean };

/** `crashed`: by an assertion of the core, `why` says which. */
export type Fate = "up" | "down" | "removed" | "crashed";

export class ScriptNode implements Watched {
  readonly id: MemberId;
  disk = new Disk();
  core: RaftCore | null = null;
  /** As of its last step. */
  view: View = new Map();
  fate: Fate = "down";
  crash = "";
  /** The log in memory, as hashes by index. */
  chain: number[] = [0];
  writes: Write[] = [];
  /** Its disk finishes nothing, whatever the others' do. */
  isStuck = false;
  pull: Pull | null = null;
  /** The payloads its state machine has applied, and the index of the last. */
  machine: string[] = [];
  applied = 0;
  readonly reads = new Map<number, ReadResult>();
  /** What its dice show, always. In the middle: no member is in a hurry before the others. */
  dice = 0.5;

  constructor(id: MemberId) {
    this.id = id;
  }

  get durable(): Disk {
    return this.disk;
  }

  get isUp(): boolean {
    return this.core !== null;
  }

  get status(): Status {
    return this.running.status();
  }

  get running(): RaftCore {
    if (this.core === null) throw new Error(`Member ${this.id} is ${this.fate}`);
    return this.core;
  }

  /** What is in memory, from the first index that is not compacted. */
  get log(): readonly Entry[] {
    return this.running.entriesFrom(this.running.firstIndex, Infinity);
  }
}
