/**
 * Statuses on their way to the managers: the latest of each task, kept until a manager says that
 * it is committed, and sent again over every new session.
 */
import type { TaskReport, TaskStatus } from "../model/index.ts";
import { codec } from "../proto/load.ts";
import type { Env } from "../util/env.ts";

/** A session message is at most 64 KiB; this leaves room for its envelope. */
export const REPORT_BYTES_MAX = 60 * 1024;
/** Texts of a status that alone would not fit are cut. */
export const STATUS_TEXT_MAX = 4096;

/** @returns false when the manager reads slower than we write: stop until `drained()`. */
export type ReportSink = (reports: readonly TaskReport[]) => boolean;

export type Acknowledgement = { readonly taskId: string; readonly agentEpoch: number; readonly sequence: number };

type Held = { readonly report: TaskReport; readonly bytes: number };

const reportCodec = codec("TaskReport");

export class Reporter {
  readonly #env: Env;
  readonly #held = new Map<string, Held>();
  /** Ids not sent over the present session, in the order they changed. */
  readonly #unsent = new Set<string>();
  #sink: ReportSink | null = null;
  #isBlocked = false;
  #isScheduled = false;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Reports that no manager has acknowledged yet. */
  get pending(): number {
    return this.#held.size;
  }

  report(taskId: string, status: TaskStatus): void {
    const report = { taskId, status: bounded(status) };
    // 8 bytes cover the field's tag and length.
    this.#held.set(taskId, { report, bytes: reportCodec.encode(report).length + 8 });
    this.#unsent.delete(taskId);
    this.#unsent.add(taskId);
    this.#schedule();
  }

  /** The task is no longer ours: nobody waits for its status. */
  forget(taskId: string): void {
    this.#held.delete(taskId);
    this.#unsent.delete(taskId);
  }

  acknowledge(acks: readonly Acknowledgement[]): void {
    for (const { taskId, agentEpoch, sequence } of acks) {
      const status = this.#held.get(taskId)?.report.status;
      if (status === undefined || status === null) continue;
      const isCovered =
        agentEpoch > status.agentEpoch || (agentEpoch === status.agentEpoch && sequence >= status.sequence);
      if (isCovered) this.forget(taskId);
    }
  }

  /** A new session: whatever is not acknowledged goes again. Null: none for now. */
  attach(sink: ReportSink | null): void {
    this.#sink = sink;
    this.#isBlocked = false;
    for (const id of this.#held.keys()) this.#unsent.add(id);
    this.#schedule();
  }

  drained(): void {
    this.#isBlocked = false;
    this.#schedule();
  }

  /** Once a turn, so that one turn's changes leave together. */
  #schedule(): void {
    if (this.#isScheduled || this.#sink === null || this.#isBlocked || this.#unsent.size === 0) return;
    this.#isScheduled = true;
    this.#env.defer(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#sink !== null && !this.#isBlocked && this.#unsent.size > 0) {
      const batch: TaskReport[] = [];
      let bytes = 0;
      for (const id of this.#unsent) {
        const held = this.#held.get(id);
        if (held !== undefined) {
          if (batch.length > 0 && bytes + held.bytes > REPORT_BYTES_MAX) break;
          batch.push(held.report);
          bytes += held.bytes;
        }
        this.#unsent.delete(id);
      }
      if (batch.length > 0) this.#isBlocked = !this.#sink(batch);
    }
  }
}

function bounded(status: TaskStatus): TaskStatus {
  const { error, message, checkMessage } = status;
  if ([error, message, checkMessage].every((text) => text.length <= STATUS_TEXT_MAX)) return status;
  return { ...status, error: cut(error), message: cut(message), checkMessage: cut(checkMessage) };
}

function cut(text: string): string {
  return text.length <= STATUS_TEXT_MAX ? text : `${text.slice(0, STATUS_TEXT_MAX)} [cut]`;
}
