/**
 * Changing who is a manager, one single-step configuration at a time: add as learner, promote when
 * caught up, remove. Callers may repeat any of these: what is already so is a success.
 */
import { PROMOTION_LAG_MAX, type ConfigProposalRefusal } from "../../raft/membership.ts";
import type { Config, Member, MemberId, Status } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Timer } from "../../util/env.ts";
import type { Driver } from "./driver.ts";

/** A change waits so long for its turn, and so long again for its commit. */
export const CHANGE_DEADLINE_MS = 10_000;
const RETRY_MS = 50;
/** Longer than the core tries to transfer (one election timeout). */
const TRANSFER_DEADLINE_MS = 2_000;

type Waiter = {
  readonly index: number;
  readonly term: number;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
  readonly timer: Timer;
};

type Settle = { readonly resolve: (config: Config) => void; readonly reject: (error: AppError) => void };

/** The configuration to reach, or null when `current` is it already. */
type Change = (current: Config) => Config | null;

export class Membership {
  readonly #driver: Driver;
  readonly #notLeader: () => AppError;
  #waiters: Waiter[] = [];
  #transferWaiters: (() => void)[] = [];
  #isClosed = false;

  constructor(driver: Driver, { notLeader }: { notLeader: () => AppError }) {
    this.#driver = driver;
    this.#notLeader = notLeader;
  }

  add({ id, address }: { readonly id: MemberId; readonly address: string }): Promise<Config> {
    return this.#change({ force: false }, (current) => {
      const known = current.members.find((member) => member.id === id);
      if (known?.address === address) return null;
      const member: Member = { id, address, role: known?.role ?? "learner" };
      return { members: [...current.members.filter((other) => other.id !== id), member] };
    });
  }

  remove(id: MemberId, { force }: { readonly force: boolean }): Promise<Config> {
    return this.#change({ force }, (current) => {
      if (!current.members.some((member) => member.id === id)) return null;
      return { members: current.members.filter((member) => member.id !== id) };
    });
  }

  /** Tried until it is let in; nothing happens between an attempt and its outcome but turns of the driver. */
  #change(options: { readonly force: boolean }, change: Change): Promise<Config> {
    const { env } = this.#driver;
    const until = env.now() + CHANGE_DEADLINE_MS;
    return new Promise<Config>((resolve, reject) => {
      const attempt = (): void => {
        try {
          const outcome = this.#attempt(options, change, { resolve, reject });
          if (outcome === "done") return;
          if (!isPassing(outcome) || env.now() >= until) throw refusal(outcome);
          env.setTimer(RETRY_MS, attempt);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          reject(error);
        }
      };
      attempt();
    });
  }

  /** @returns why not now; `done`: it is settled, or will be. @throws AppError not-leader | unavailable */
  #attempt({ force }: { readonly force: boolean }, change: Change, settle: Settle): "done" | ConfigProposalRefusal {
    if (this.#isClosed) throw new AppError("unavailable", "This manager stops");
    const { core } = this.#driver;
    if (!core.isLeader) throw this.#notLeader();
    const { config, commit } = core.status();
    const next = change(config);
    // Already so, but perhaps not committed yet: that is waited for like any pending change.
    if (next === null && core.configAt(commit) !== config) return "pending";
    if (next === null) {
      settle.resolve(config);
      return "done";
    }
    const can = core.canProposeConfig(next, { force });
    if (!can.ok) return can.reason;
    this.#propose(next, can, settle);
    return "done";
  }

  #propose(config: Config, { index, term }: { index: number; term: number }, settle: Settle): void {
    const driver = this.#driver;
    const timer = driver.env.setTimer(CHANGE_DEADLINE_MS, () => {
      this.#waiters = this.#waiters.filter((waiter) => waiter.index !== index);
      settle.reject(unknownOutcome("was not confirmed in time"));
    });
    const resolve = (): void => settle.resolve(driver.core.status().config);
    this.#waiters.push({ index, term, resolve, reject: settle.reject, timer });
    driver.step({ type: "propose-config", config });
    driver.finishTurn();
  }

  /** After every turn: resolves what is committed, gives up what another leader may undo. */
  settle(): void {
    if (this.#waiters.length === 0 && this.#transferWaiters.length === 0) return;
    const { core } = this.#driver;
    const { commit, role, transferTarget } = core.status();
    for (const waiter of this.#waiters) {
      const isCommitted = commit >= waiter.index;
      if (!isCommitted && role === "leader") continue;
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      waiter.timer.cancel();
      // Compacted means committed long ago, by us.
      if (isCommitted && (core.termAt(waiter.index) ?? waiter.term) === waiter.term) waiter.resolve();
      else waiter.reject(unknownOutcome("lost its leader"));
    }
    if (role !== "leader" || transferTarget === null) for (const wake of this.#transferWaiters.splice(0)) wake();
  }

  /** On every tick of a leader: learners that have caught up become voters, one at a time. */
  promote(status: Status): void {
    if (!status.ready || status.transferTarget !== null) return;
    for (const learner of status.config.members) {
      if (learner.role !== "learner") continue;
      const peer = status.peers.find(({ id }) => id === learner.id);
      // A new peer counts as active before it was ever heard: an ack proves that it is there.
      if (peer === undefined || peer.match === 0 || !peer.active) continue;
      if (peer.match + PROMOTION_LAG_MAX < status.lastIndex) continue;
      const members = status.config.members.map((member): Member =>
        member.id === learner.id ? { ...member, role: "voter" } : member,
      );
      const driver = this.#driver;
      if (!driver.core.canProposeConfig({ members }, { force: false }).ok) continue;
      driver.log.info("learner promoted", { member: learner.id });
      driver.step({ type: "propose-config", config: { members } });
      return;
    }
  }

  /** @throws AppError not-leader | precondition | unavailable */
  async handOver(to: MemberId | null): Promise<void> {
    const { id, role, config } = this.#driver.core.status();
    if (role !== "leader") throw this.#notLeader();
    if (!config.members.some((other) => other.role === "voter" && other.id !== id)) {
      throw new AppError("precondition", "There is no other manager to hand leadership to", {
        next: "add a manager first",
      });
    }
    await this.transfer({ to });
    if (this.#driver.core.status().role !== "leader") return;
    throw new AppError("unavailable", "No other manager took leadership over in time", {
      next: "try again in a moment",
    });
  }

  /** Resolves when another leads or the attempt was given up; the caller looks. */
  async transfer({
    to = null,
    deadlineMs = TRANSFER_DEADLINE_MS,
  }: { readonly to?: MemberId | null; readonly deadlineMs?: number } = {}): Promise<void> {
    const driver = this.#driver;
    if (driver.core.status().role !== "leader") return;
    driver.step({ type: "transfer", to });
    driver.finishTurn();
    if (driver.core.status().transferTarget === null) return;
    await new Promise<void>((resolve) => {
      const timer = this.#driver.env.setTimer(deadlineMs, resolve);
      this.#transferWaiters.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters.splice(0)) {
      waiter.timer.cancel();
      waiter.reject(unknownOutcome("lost its manager"));
    }
    for (const wake of this.#transferWaiters.splice(0)) wake();
  }
}

/** Voters that could lead next, on the leader: those that answer, the one with most of the log first. */
export function successorsOf({ id: self, config, peers }: Status): readonly Member[] {
  const match = new Map(peers.filter(({ active }) => active).map((peer) => [peer.id, peer.match]));
  return config.members
    .filter(({ id, role }) => id !== self && role === "voter" && match.has(id))
    .toSorted((a, b) => (match.get(b.id) ?? 0) - (match.get(a.id) ?? 0));
}

/** Refusals that time heals. */
function isPassing(reason: ConfigProposalRefusal): boolean {
  return reason === "pending" || reason === "not-ready" || reason === "transferring";
}

function refusal(reason: ConfigProposalRefusal): AppError {
  switch (reason) {
    case "quorum-loss":
      return new AppError(
        "precondition",
        "Cannot change the managers: too few of those left answer, the quorum would be lost",
        {
          next: "bring other managers back first, or repeat with force",
        },
      );
    case "no-voters":
      return new AppError("precondition", "Cannot remove the last manager", { next: "add another manager first" });
    case "too-many":
      return new AppError("exhausted", "The cluster has as many managers as it can have");
    default:
      return new AppError("unavailable", `Cannot change the managers now: ${reason}`, {
        next: "try again in a moment",
      });
  }
}

function unknownOutcome(why: string): AppError {
  return new AppError("unknown-outcome", `The change of managers ${why}; it may still take effect`, {
    next: "look at the list of managers, then repeat",
  });
}
