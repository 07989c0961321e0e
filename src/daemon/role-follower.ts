/**
 * Keeps this node what the cluster says it is: takes a manager's part up after a promotion and lays
 * it down after a demotion, while the agent and its tasks go on. Level-triggered: whatever is heard
 * (a session tells the role, Raft says that its member is out) only asks for another look, and the
 * role that counts is the one in a fresh certificate.
 */
import { REMOVED } from "../model/removed-nodes.ts";
import type { NodeRoleName } from "../pki/types.ts";
import { Backoff } from "../util/backoff.ts";
import { sleep, type Env } from "../util/env.ts";
import { AppError, isAppError } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { Scope } from "../util/scope.ts";

const RETRY = { firstMs: 200, maxMs: 10_000 };
/**
 * Out of Raft, and still called a manager: the second half of a demotion or removal is on its way.
 * After so many looks (some seconds) it is not, and the node becomes a manager anew.
 */
const LOOKS_MAX = 6;

export type RoleDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly hasManager: () => boolean;
  /** Takes a new certificate. @returns the role in it. @throws AppError denied: the node was removed */
  readonly renew: (signal: AbortSignal) => Promise<NodeRoleName>;
  readonly startManager: (signal: AbortSignal) => Promise<void>;
  readonly stopManager: () => Promise<void>;
  /** Deletes a stopped manager's data, keeping its promises. */
  readonly retire: () => Promise<void>;
  readonly onExpelled: () => void;
};

export class RoleFollower {
  readonly #deps: RoleDeps;
  readonly #scope: Scope;
  #told: NodeRoleName;
  #isOut = false;
  #isSuperseded = false;
  #isLooking = false;
  #looks = 0;

  constructor(deps: RoleDeps, role: NodeRoleName) {
    this.#deps = deps;
    this.#told = role;
    this.#scope = new Scope((name, error) => deps.log.error("role changes are not followed any more", { name, error }));
  }

  /** A manager says which role this node has. */
  told(role: NodeRoleName): void {
    this.#told = role;
    this.#look();
  }

  /** The others have taken this node's manager out of the Raft group. */
  outOfRaft(): void {
    this.#isOut = true;
    this.#look();
  }

  /** The cluster goes on in another life: this node's manager never acts again, and no old one is believed. */
  superseded(): void {
    this.#isSuperseded = true;
    this.outOfRaft();
  }

  async stop(): Promise<void> {
    await this.#scope.close();
  }

  get #isDue(): boolean {
    return this.#isOut || this.#deps.hasManager() !== (this.#told === "manager");
  }

  #look(): void {
    if (this.#isLooking || !this.#isDue) return;
    this.#isLooking = true;
    this.#scope.spawn("role", async (signal) => {
      try {
        await this.#run(signal);
      } finally {
        this.#isLooking = false;
      }
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { env, log } = this.#deps;
    const backoff = new Backoff(env, RETRY);
    let last = "";
    while (this.#isDue && !signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isAppError(error, "denied") && error.details["reason"] === REMOVED) {
          this.#deps.onExpelled();
          return;
        }
        const { code, message } = AppError.from(error);
        if (message !== last) log.warn("this node's role is not taken on yet", { code, message });
        last = message;
        await sleep(env, backoff.next(), signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { log, hasManager, renew, startManager, stopManager, retire } = this.#deps;
    // What it knows gets older from here on.
    if (this.#isOut && hasManager()) await stopManager();
    const role = await renew(signal);
    if (role === "manager" && this.#isSuperseded) {
      throw new AppError(
        "unavailable",
        "The managers of the cluster's present life do not call this node a worker yet",
        {
          next: "there: shoal node demote, then shoal node promote once it is ready",
        },
      );
    }
    if (role === "manager" && this.#isOut && ++this.#looks < LOOKS_MAX) {
      throw new AppError("unavailable", "The managers took this one out of their group, and may do more");
    }
    this.#looks = 0;
    this.#told = role;
    if (role === "worker" || this.#isOut) {
      if (hasManager()) await stopManager();
      await retire();
      this.#isOut = this.#isSuperseded = false;
    }
    if (role === "manager" && !hasManager()) await startManager(signal);
    log.info(role === "manager" ? "this node is a manager now" : "this node is a worker now");
  }
}
