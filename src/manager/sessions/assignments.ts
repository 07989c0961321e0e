/**
 * What a node should run, as assignment sets: complete at first, then what changed. Pure: reads
 * committed state, keeps what was sent.
 */
import type { Assignment, AssignmentSet, Task } from "../../model/index.ts";
import type { ReadTx } from "../../store/types.ts";

/** Tasks in one set; more follow in the next one, so that no set grows without bound. */
export const ASSIGNMENTS_PER_SET_MAX = 500;

/** An agent needs to know a task from its assignment until the object is gone. */
function isAssigned(task: Task): boolean {
  return task.nodeId !== "" && task.status !== null && task.status.state !== "NEW" && task.status.state !== "PENDING";
}

/** What of a task the agent acts on: its own statuses are not echoed to it. */
function fingerprint(task: Task): string {
  return `${task.desired}/${task.revision}/${task.startAfterMs}/${task.single}`;
}

export class AssignmentTracker {
  readonly #nodeId: string;
  readonly #sent = new Map<string, string>();
  readonly #dirty = new Set<string>();
  #sequence = 0;
  #isComplete = false;
  /** Of the node, as last said. */
  #sessionId = "";
  /** What the committed state says of it is another one now. */
  #isSessionNews = false;

  constructor(nodeId: string) {
    this.#nodeId = nodeId;
  }

  get hasWork(): boolean {
    return !this.#isComplete || this.#dirty.size > 0 || this.#isSessionNews;
  }

  markDirty(taskId: string): void {
    if (this.#isComplete) this.#dirty.add(taskId);
  }

  /** The state may know of another session of the node than before. */
  noteSession(sessionId: string): void {
    this.#isSessionNews = this.#isComplete && sessionId !== this.#sessionId;
  }

  /** @returns the next set to send, or null when nothing the agent acts on changed. */
  next(tx: ReadTx, incarnation: string): AssignmentSet | null {
    return this.#isComplete ? this.#incremental(tx, incarnation) : this.#complete(tx, incarnation);
  }

  /** The first set must be complete in one piece: the agent stops what it does not name. */
  #complete(tx: ReadTx, incarnation: string): AssignmentSet {
    const assigned: Assignment[] = [];
    for (const task of tx.find("task", "node", this.#nodeId)) {
      const assignment = toAssignment(tx, task);
      if (assignment === null) continue;
      assigned.push(assignment);
      this.#sent.set(task.id, fingerprint(task));
    }
    this.#isComplete = true;
    this.#sequence = 1;
    this.#readSession(tx);
    const { version } = tx;
    return {
      complete: true,
      appliesTo: 0,
      resultsIn: 1,
      clusterIncarnation: incarnation,
      assigned,
      removed: [],
      version,
      sessionId: this.#sessionId,
    };
  }

  #readSession(tx: ReadTx): void {
    this.#sessionId = tx.get("node", this.#nodeId)?.status?.sessionId ?? "";
    this.#isSessionNews = false;
  }

  #incremental(tx: ReadTx, incarnation: string): AssignmentSet | null {
    const assigned: Assignment[] = [];
    const removed: string[] = [];
    for (const id of this.#dirty) {
      if (assigned.length + removed.length >= ASSIGNMENTS_PER_SET_MAX) break;
      this.#dirty.delete(id);
      const task = tx.get("task", id);
      const assignment = task === undefined || task.nodeId !== this.#nodeId ? null : toAssignment(tx, task);
      if (task === undefined || assignment === null) {
        if (this.#sent.delete(id)) removed.push(id);
      } else if (this.#sent.get(id) !== fingerprint(task)) {
        this.#sent.set(id, fingerprint(task));
        assigned.push(assignment);
      }
    }
    if (assigned.length === 0 && removed.length === 0 && !this.#isSessionNews) return null;
    this.#readSession(tx);
    const appliesTo = this.#sequence;
    this.#sequence += 1;
    const { version } = tx;
    return {
      complete: false,
      appliesTo,
      resultsIn: this.#sequence,
      clusterIncarnation: incarnation,
      assigned,
      removed,
      version,
      sessionId: this.#sessionId,
    };
  }
}

function toAssignment(tx: ReadTx, task: Task): Assignment | null {
  if (!isAssigned(task)) return null;
  const revision = tx.get("revision", `${task.serviceId}/${task.revision}`);
  // The reaper removes a revision only after its last task, so a missing one means a task already on its way out.
  return revision === undefined ? null : { task, spec: revision.spec };
}
