/**
 * News of a commit for followers that wait for nothing else. Under load the next append carries it
 * anyway, and a message of its own costs both sides about what that append does; so it waits a
 * moment for one. Losing it is harmless: heartbeats repeat it (raft/types.ts).
 */
import type { MemberId, Message } from "../../raft/types.ts";
import type { Env, Timer } from "../../util/env.ts";

/** A follower's tasks, watches and stale reads see a commit so much later at most, when nothing follows it. */
export const COMMIT_NOTICE_MS = 2;

type Notice = Extract<Message, { type: "commit" }>;

export class CommitNotices {
  readonly #env: Env;
  readonly #send: (notices: readonly Notice[]) => void;
  readonly #waiting = new Map<MemberId, Notice>();
  #timer: Timer | null = null;

  constructor(env: Env, send: (notices: readonly Notice[]) => void) {
    this.#env = env;
    this.#send = send;
  }

  hold(notice: Notice): void {
    this.#waiting.set(notice.to, notice);
    this.#timer ??= this.#env.setTimer(COMMIT_NOTICE_MS, () => {
      this.#timer = null;
      const notices = [...this.#waiting.values()];
      this.#waiting.clear();
      if (notices.length > 0) this.#send(notices);
    });
  }

  /** An append to that member tells it at least as much. */
  overtakenBy({ to }: Message): void {
    this.#waiting.delete(to);
  }

  close(): void {
    this.#timer?.cancel();
    this.#waiting.clear();
  }
}
