/**
 * What a manager that laid its part down keeps of it. Its log is deleted (it holds the cluster's
 * secrets), but its id is the node's and may be a manager's again: so its promises outlive the log.
 * It never votes twice in a term, and helps nobody to lead whose log is shorter than its own was:
 * among the entries it acknowledged may be committed ones that a candidate from another time lacks.
 */
import type { RaftCore } from "../../raft/core.ts";
import type { HardState, MemberId, Message } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";

export type Retired = {
  readonly nodeId: MemberId;
  readonly term: number;
  readonly vote: MemberId | null;
  /** The end of the longest log it had. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Durable writes of its logs so far: the next one counts on from there (peer-writes.ts). */
  readonly writes: number;
};

const FORMAT = 1;

export function hardStateOf({ term, vote }: Retired): HardState {
  return { term, vote, commit: 0 };
}

/** Folds the end of one more log into what was kept of earlier ones. */
export function retire(before: Retired | null, now: Retired): Retired {
  if (before === null) return now;
  const isLonger =
    now.lastTerm > before.lastTerm || (now.lastTerm === before.lastTerm && now.lastIndex >= before.lastIndex);
  const { lastIndex, lastTerm } = isLonger ? now : before;
  return { ...now, lastIndex, lastTerm, writes: before.writes + now.writes };
}

/**
 * What of it holds in another life of the cluster: its promises were to a group that is over, and
 * only how much was written to this node's disks is still true.
 */
export function inAnotherLife({ nodeId, writes }: Retired): Retired {
  return { nodeId, term: 0, vote: null, lastIndex: 0, lastTerm: 0, writes };
}

/** Below its former end a log's owner answers no candidate: its own word is not worth what it was. */
export class PromiseFloor {
  readonly #lastIndex: number;
  readonly #lastTerm: number;
  #isReached: boolean;

  constructor(retired: Retired | null) {
    this.#lastIndex = retired?.lastIndex ?? 0;
    this.#lastTerm = retired?.lastTerm ?? 0;
    this.#isReached = retired === null;
  }

  /** Whether `message` must be ignored for now. */
  withholds(message: Message, core: Pick<RaftCore, "lastIndex" | "termAt">): boolean {
    if (this.#isReached || (message.type !== "vote" && message.type !== "pre-vote")) return false;
    const { lastIndex } = core;
    const lastTerm = core.termAt(lastIndex) ?? 0;
    this.#isReached = lastTerm > this.#lastTerm || (lastTerm === this.#lastTerm && lastIndex >= this.#lastIndex);
    return !this.#isReached;
  }
}

export function formatRetired(retired: Retired): string {
  return `${JSON.stringify({ format: FORMAT, ...retired })}\n`;
}

/** @throws AppError `corrupt` */
export function parseRetired(text: string, path: string): Retired {
  const fields = fieldsOf(text);
  const nodeId = fields.get("nodeId");
  const vote = fields.get("vote");
  if (fields.get("format") !== FORMAT || typeof nodeId !== "string") throw damaged(path);
  if (vote !== null && typeof vote !== "string") throw damaged(path);
  const number = (name: string): number => {
    const value = fields.get(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw damaged(path);
    return value;
  };
  return {
    nodeId,
    term: number("term"),
    vote,
    lastIndex: number("lastIndex"),
    lastTerm: number("lastTerm"),
    writes: number("writes"),
  };
}

function fieldsOf(text: string): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
  } catch {
    return new Map();
  }
}

function damaged(path: string): AppError {
  return new AppError("corrupt", `Cannot use ${path}: it is damaged`, {
    path,
    next: "this node cannot be a manager under its id: shoal leave, then join again",
  });
}
