// Watchers: each follows the services of the cluster at one manager after the other, goes on at the last version it was
// told, and writes down what it was told of. Some come and go, some read slowly, one watches objects of every kind.
import type { Context } from "../../../src/cli/context.ts";
import { openStream } from "../../../src/proto/client.ts";
import type { ClientStream } from "../../../src/proto/client.ts";
import type { Response } from "../../../src/proto/load.ts";
import { sleep as pause } from "../../../src/util/env.ts";
import { AppError } from "../../../src/util/errors.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { Managers } from "./managers.ts";
import type { ChangeGroup, Row, ServiceChange, Snapshot, Testimony } from "./change-log.ts";
import { valueOf } from "./clients.ts";

type Message = Response<"Watch.Watch">;

export type WatchHabit = {
  /** Leaves by itself after so long at most. */
  readonly staysMs: number;
  /** Of its time, reads nothing for this share. */
  readonly slowShare: number;
  readonly kinds: readonly string[];
};

const SLOW_EVERY_MS = 3_000;
const RECONNECT_MS = 50;
/** To the first message: a manager that accepts and says nothing is left. */
const ESTABLISH_MS = 2_000;
/** Codes with which a watch may end, all of which say: elsewhere, or again. */
const MAY_END: ReadonlySet<string> = new Set(["unavailable", "deadline", "cancelled", "not-leader", "unsupported"]);

/** What one stream told, checked as it comes: established first, ordered, and nothing after `compacted`. */
export class WatchTape {
  readonly groups: ChangeGroup[] = [];
  readonly problems: string[] = [];
  readonly #witness: string;
  readonly #isFromNow: boolean;
  #from: number;
  #to: number;
  #isEstablished = false;
  isCompacted = false;

  /** @param resumeFrom 0: from now on */
  constructor(witness: string, resumeFrom: number) {
    this.#witness = witness;
    this.#isFromNow = resumeFrom === 0;
    this.#from = this.#to = resumeFrom;
  }

  get version(): number {
    return this.#to;
  }

  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  take({ version, changes, compacted, established }: Message): void {
    if (this.isCompacted) this.#problem(`a message after compacted, of version ${version}`);
    if (!this.#isEstablished) {
      if (!established) this.#problem(`the first message, of version ${version}, does not establish`);
      if (this.#isFromNow) this.#from = this.#to = version;
      else if (version !== this.#from) this.#problem(`resumed at ${version}, ${this.#from} was asked for`);
      this.#isEstablished = true;
      return;
    }
    if (compacted) {
      this.isCompacted = true;
      return;
    }
    // A message without changes says that there was nothing up to its version.
    if (version < this.#to || (version === this.#to && changes.length > 0)) {
      this.#problem(`version ${version} after ${this.#to}`);
    }
    const services = changes.flatMap((change) => serviceChange(change) ?? []);
    if (services.length > 0) this.groups.push({ version, changes: services });
    this.#to = Math.max(this.#to, version);
  }

  testimony(): Testimony {
    return { witness: this.#witness, from: this.#from, to: this.#to, groups: this.groups };
  }

  #problem(text: string): void {
    this.problems.push(`${this.#witness}: ${text}`);
  }
}

function serviceChange({ action, object }: Message["changes"][number]): ServiceChange | null {
  const service = object?.service;
  if (service === undefined || service === null) return null;
  // A removed one is told as it was.
  return { action, id: service.id, name: service.spec?.name ?? "", value: valueOf(service) ?? "(torn)" };
}

export class WatchClient implements Disposable {
  readonly testimonies: Testimony[] = [];
  readonly snapshots: Snapshot[] = [];
  readonly problems: string[] = [];
  resumes = 0;
  compactions = 0;
  messages = 0;
  readonly #name: string;
  readonly #managers: Managers;
  readonly #habit: WatchHabit;
  #version = 0;
  #tape: WatchTape | null = null;

  constructor(context: Context, { name, habit }: { readonly name: string; readonly habit: WatchHabit }) {
    this.#name = name;
    this.#managers = new Managers(context);
    this.#habit = habit;
  }

  /** Everything up to here was told. */
  get version(): number {
    return this.#tape?.version ?? this.#version;
  }

  /** @param from where it begins */
  async run(from: number, signal: AbortSignal): Promise<void> {
    this.#version = from;
    let at = Math.floor(Math.random() * this.#managers.count);
    while (!signal.aborted) {
      at += 1;
      const tape = new WatchTape(`${this.#name} at ${at % this.#managers.count}`, this.#version);
      this.#tape = tape;
      await this.#watch(tape, at, signal);
      this.problems.push(...tape.problems);
      this.testimonies.push(tape.testimony());
      this.#version = tape.version;
      this.#tape = null;
      if (tape.isEstablished) this.resumes += 1;
      if (tape.isCompacted) await this.#startOver(at, signal);
      await pause(realEnv, Math.random() * RECONNECT_MS, signal).catch(() => undefined);
    }
  }

  /** What came between is lost, and that was said: the state is read, and followed from there. */
  async #startOver(at: number, signal: AbortSignal): Promise<void> {
    this.compactions += 1;
    while (!signal.aborted) {
      const snapshot = await readState(this.#managers, at, this.#name).catch(() => null);
      if (snapshot !== null) {
        this.snapshots.push(snapshot);
        this.#version = snapshot.version;
        return;
      }
      at += 1;
      await pause(realEnv, RECONNECT_MS, signal).catch(() => undefined);
    }
  }

  async #watch(tape: WatchTape, at: number, signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const isOver = AbortSignal.any([signal, ending.signal]);
    await new Promise<void>((resolve) => {
      const stream: ClientStream<"Watch.Watch"> = openStream(
        this.#managers.channel(at),
        "Watch.Watch",
        {
          onMessage: (message) => {
            this.messages += 1;
            tape.take(message);
          },
          onClose: ({ error }) => {
            ending.abort();
            if (error !== null && !MAY_END.has(error.code)) {
              this.problems.push(`${this.#name}: the watch ended with ${error.code}: ${error.message}`);
            }
            resolve();
          },
        },
        { request: { resumeFrom: this.#version, kinds: [...this.#habit.kinds] }, signal },
      );
      const leave = (): void => stream.cancel();
      const behave = async (): Promise<void> => {
        await pause(realEnv, ESTABLISH_MS, isOver);
        if (!tape.isEstablished) leave();
        void this.#dawdle(stream, isOver);
        await pause(realEnv, Math.random() * this.#habit.staysMs, isOver);
        leave();
      };
      behave().catch(() => undefined); // The watch is over.
    });
  }

  async #dawdle(stream: ClientStream<"Watch.Watch">, signal: AbortSignal): Promise<void> {
    const { slowShare } = this.#habit;
    try {
      for (; slowShare > 0;) {
        stream.pause();
        await pause(realEnv, SLOW_EVERY_MS * slowShare, signal);
        stream.resume();
        await pause(realEnv, SLOW_EVERY_MS * (1 - slowShare), signal);
      }
    } catch {
      // The watch is over.
    }
  }

  [Symbol.dispose](): void {
    this.#managers[Symbol.dispose]();
  }
}

/** The state as a manager has it. @throws AppError if it does not tell all of it in time */
export async function readState(managers: Managers, at: number, witness: string): Promise<Snapshot> {
  const services = new Map<string, Row>();
  let version = 0;
  await watchOnce(managers, at, { initial: true }, (message) => {
    version = message.version;
    for (const { object } of message.changes) {
      const service = object?.service;
      if (service === undefined || service === null) continue;
      const row = {
        name: service.spec?.name ?? "",
        value: valueOf(service) ?? "(torn)",
        version: service.specVersion,
      };
      services.set(service.id, row);
    }
    return !message.established && message.changes.length === 0;
  });
  return { witness, version, services };
}

/** The changes after `from` up to `to`, as a manager has them; null where it does not have them any more. */
export async function readChanges(
  managers: Managers,
  at: number,
  { from, to, witness }: { readonly from: number; readonly to: number; readonly witness: string },
): Promise<WatchTape> {
  const tape = new WatchTape(witness, from);
  await watchOnce(managers, at, { resumeFrom: from }, (message) => {
    tape.take(message);
    return tape.isCompacted || tape.version >= to;
  });
  return tape;
}

const READ_MS = 30_000;

async function watchOnce(
  managers: Managers,
  at: number,
  request: { readonly resumeFrom?: number; readonly initial?: boolean },
  onMessage: (message: Message) => boolean,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stream = openStream(
      managers.channel(at),
      "Watch.Watch",
      {
        onMessage: (message) => {
          if (!onMessage(message)) return;
          resolve();
          stream.cancel();
        },
        onClose: ({ error }) => reject(error ?? new AppError("unavailable", "The watch ended")),
      },
      { request: { ...request, kinds: ["service"] }, deadlineMs: READ_MS },
    );
  });
}
