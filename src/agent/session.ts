/**
 * The agent's session: one stream to one manager at a time, and another one as soon as that is
 * gone. Silence is a loss too: a half-open connection answers no heartbeat.
 */
import type { AssignmentSet, NodeDescription, NodeSpec, TaskReport } from "../model/index.ts";
import { REMOVED } from "../model/removed-nodes.ts";
import { openStream, type ClientStream } from "../proto/client.ts";
import type { SessionDown } from "../proto/gen/SessionDown.ts";
import type { SessionUpInput } from "../proto/gen/SessionUp.ts";
import type { Channel, Dialer, StreamEnd } from "../proto/rpc.ts";
import { Backoff } from "../util/backoff.ts";
import { AppError } from "../util/errors.ts";
import { withDeadline, type Env, type Timer } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { AssignmentStream } from "./assignment-stream.ts";
import type { Reporter } from "./reporter.ts";

/** A manager that says nothing for this long is given up; it answers a heartbeat a second. */
export const SILENCE_MS = 3000;
/**
 * From dialling to the welcome; grows with every failure, because far or busy managers are slow. It
 * begins short: a network that was gone for 4 s must be used again before 6 s of silence are full,
 * and a packet lost in a first try is not sent again for a second.
 */
export const WELCOME_MS = 600;
const WELCOME_GROWTH = 1.5;
export const WELCOME_MS_MAX = 6000;
/** The first try after a loss goes to another manager within this. */
export const FIRST_RETRY_JITTER_MS = 100;
export const RETRY = { firstMs: 100, maxMs: 2000 };
/**
 * The manager of this node's own host is asked last, and left after this long for another: when the host dies,
 * somebody else must know when it was last heard of, and when only the process dies, see its connection close.
 */
export const OWN_MANAGER_MS = 10_000;
/** A goodbye waits no longer than this for the manager to close. */
export const GOODBYE_MS = 1000;
const HEARTBEAT_MS_MIN = 50;
/** Of those that were not answered yet the newest are remembered. */
const BEATS_MAX = 32;
/** UTF-16 units: managers keep as many, and end a session over a message of 64 KiB. */
const ENGINE_MESSAGE_MAX = 1024;

export type SessionHandlers = {
  /**
   * @param sessionId of the session it came by
   * @throws AppError when the set cannot be acted on: another manager is asked.
   */
  onAssignments(set: AssignmentSet, sessionId: string): void;
  onManagers(addresses: readonly string[]): void;
  onNodeSpec(spec: NodeSpec): void;
  onRole(role: "worker" | "manager"): void;
  /** Every manager will refuse this node from here on. */
  onExpelled(): void;
  /** A manager that holds this node's session has heard what was said at this time of Env's clock, or later. */
  onHeard(sentAt: number): void;
  /** First of all that a manager says. @throws AppError when it is not to be listened to: another one is asked. */
  onIncarnation(incarnation: string): void;
  hello(): NonNullable<SessionUpInput["hello"]>;
  health(): { readonly ok: boolean; readonly message: string };
  /** At least one. */
  managers(): readonly string[];
};

export type SessionDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly dialer: Dialer;
  readonly reporter: Reporter;
  /** Where this node's own manager answers, if it has one. */
  readonly ownAddress: string;
};

type Link = {
  readonly address: string;
  readonly channel: Channel;
  readonly stream: ClientStream<"Session.Session">;
  readonly assignments: AssignmentStream;
  heardAt: number;
  /** When it was welcomed. */
  openedAt: number;
  /** Empty before the welcome. */
  sessionId: string;
  /** How long the manager may be silent from now on. */
  patienceMs: number;
  isBlocked: boolean;
  /** Heartbeats so far, and when those were sent that are not answered yet. */
  beats: number;
  readonly beatAt: Map<number, number>;
  watchdog: Timer | null;
  heartbeat: Timer | null;
};

export class SessionKeeper {
  readonly #deps: SessionDeps;
  readonly #handlers: SessionHandlers;
  readonly #backoff: Backoff;
  #link: Link | null = null;
  #retry: Timer | null = null;
  #queue: string[] = [];
  #lastAddress = "";
  #failures = 0;
  #lastError: AppError | null = null;
  readonly #lastErrors = new Map<string, string>();
  #isStopped = false;
  #onLinkGone: () => void = () => undefined;

  constructor(deps: SessionDeps, handlers: SessionHandlers) {
    this.#deps = deps;
    this.#handlers = handlers;
    this.#backoff = new Backoff(deps.env, RETRY);
  }

  start(): void {
    this.#connect();
  }

  /** The connection is closed without a goodbye: managers presume that the tasks go on. */
  stop(): void {
    this.#isStopped = true;
    this.#retry?.cancel();
    this.#drop();
  }

  /** Says that this node leaves, and ends. Resolves when a manager took it, or after GOODBYE_MS. */
  async goodbye(reason: string): Promise<void> {
    this.#isStopped = true;
    this.#retry?.cancel();
    const link = this.#link;
    if (link === null || link.sessionId === "") {
      this.#drop();
      return;
    }
    const gone = new Promise<void>((resolve) => {
      this.#onLinkGone = resolve;
    });
    link.stream.write({ goodbye: { reason } });
    await withDeadline(this.#deps.env, { ms: GOODBYE_MS, what: "Saying goodbye" }, () => gone).catch(() => undefined);
    this.#drop();
  }

  status(): { readonly manager: string; readonly sessionId: string; readonly error: string } {
    const { address = "", sessionId = "" } = this.#link ?? {};
    return { manager: sessionId === "" ? "" : address, sessionId, error: this.#lastError?.message ?? "" };
  }

  describe(description: NodeDescription): void {
    this.#write({ description });
  }

  /** At once instead of with the next beat: the engine's health changed. */
  beat(): void {
    const link = this.#writable();
    if (link === null) return;
    link.beats += 1;
    link.beatAt.set(link.beats, this.#deps.env.now());
    link.beatAt.delete(link.beats - BEATS_MAX);
    const { ok, message } = this.#handlers.health();
    const engineMessage = message.slice(0, ENGINE_MESSAGE_MAX);
    this.#write({ heartbeat: { engineOk: ok, engineMessage, number: link.beats } });
  }

  /** What it says so late is no proof that managers hear this node now, but that they did when it was asked. */
  #answered(link: Link, number: number): void {
    const sentAt = link.beatAt.get(number);
    if (sentAt === undefined) return;
    for (const before of link.beatAt.keys()) if (before <= number) link.beatAt.delete(before);
    this.#handlers.onHeard(sentAt);
  }

  #writable(): Link | null {
    const link = this.#link;
    return link === null || link.sessionId === "" || link.isBlocked ? null : link;
  }

  #write(message: SessionUpInput): void {
    const link = this.#writable();
    if (link !== null) link.isBlocked = !link.stream.write(message);
  }

  #connect(): void {
    if (this.#isStopped || this.#link !== null) return;
    const { env, dialer } = this.#deps;
    const address = this.#nextAddress();
    this.#lastAddress = address;
    const channel = dialer.dial(address, { peer: { kind: "manager" }, profile: "control" });
    const stream = openStream(channel, "Session.Session", {
      onMessage: (message) => this.#ifCurrent(stream, (link) => this.#onMessage(link, message)),
      onDrain: () =>
        this.#ifCurrent(stream, (link) => {
          link.isBlocked = false;
          this.#deps.reporter.drained();
        }),
      onClose: (end) => this.#ifCurrent(stream, (link) => this.#onClose(link, end)),
    });
    const patienceMs = Math.min(WELCOME_MS_MAX, WELCOME_MS * WELCOME_GROWTH ** this.#failures);
    const link: Link = {
      address,
      channel,
      stream,
      assignments: new AssignmentStream(),
      heardAt: env.now(),
      openedAt: 0,
      sessionId: "",
      patienceMs,
      isBlocked: false,
      beats: 0,
      beatAt: new Map(),
      watchdog: null,
      heartbeat: null,
    };
    this.#link = link;
    this.#watch(link);
    stream.write({ hello: this.#handlers.hello() });
  }

  /** Callbacks of a stream that was given up say nothing about the present one. */
  #ifCurrent(stream: ClientStream<"Session.Session">, fn: (link: Link) => void): void {
    const link = this.#link;
    if (link?.stream === stream) fn(link);
  }

  /** Every manager once in random order, this host's own last, and not the one just lost while there is another. */
  #nextAddress(): string {
    const known = this.#handlers.managers();
    this.#queue = this.#queue.filter((address) => known.includes(address));
    if (this.#queue.length === 0) {
      const { env, ownAddress } = this.#deps;
      const others = known.filter((address) => address !== this.#lastAddress);
      const round = shuffled(others.length > 0 ? others : known, env);
      this.#queue = round.toSorted((a, b) => Number(a === ownAddress) - Number(b === ownAddress));
    }
    return this.#queue.shift() ?? "";
  }

  /** This host's own manager was a stopgap, and there may be another now. */
  #leavesOwn(link: Link): boolean {
    const { env, ownAddress } = this.#deps;
    if (this.#isStopped || link.address !== ownAddress || env.now() - link.openedAt < OWN_MANAGER_MS) return false;
    return this.#handlers.managers().some((address) => address !== ownAddress);
  }

  #watch(link: Link): void {
    const { env } = this.#deps;
    const leftMs = link.heardAt + link.patienceMs - env.now();
    link.watchdog = env.setTimer(Math.max(0, leftMs), () => {
      if (this.#link !== link) return;
      if (env.now() - link.heardAt < link.patienceMs) this.#watch(link);
      else
        this.#lose(link, new AppError("unavailable", `Manager ${link.address} was silent for ${link.patienceMs} ms`));
    });
  }

  #onMessage(link: Link, message: SessionDown): void {
    link.heardAt = this.#deps.env.now();
    try {
      this.#handle(link, message);
    } catch (error) {
      this.#lose(link, AppError.from(error));
    }
  }

  #handle(link: Link, message: SessionDown): void {
    switch (message.message) {
      case "welcome":
        if (message.welcome) this.#welcomed(link, message.welcome);
        break;
      case "managers":
        if (message.managers && message.managers.addresses.length > 0) {
          this.#handlers.onManagers(message.managers.addresses);
        }
        break;
      case "assignments": {
        // After the goodbye nothing is started or taken back: managers replace what is here.
        if (this.#isStopped) break;
        const set = message.assignments ? link.assignments.add(message.assignments) : null;
        if (set === null) break;
        this.#handlers.onAssignments(set, link.sessionId);
        // Only a manager whose state could be used counts as found.
        this.#failures = 0;
        this.#backoff.reset();
        this.#queue = [];
        break;
      }
      case "ack":
        this.#deps.reporter.acknowledge(message.ack?.acks ?? []);
        break;
      case "node":
        if (message.node) this.#handlers.onNodeSpec(message.node);
        break;
      case "role":
        if (message.role) this.#handlers.onRole(message.role.role === "MANAGER" ? "manager" : "worker");
        break;
      case "heartbeat":
        this.#answered(link, message.heartbeat?.number ?? 0);
        break;
      case undefined:
        throw new AppError("unsupported", `Manager ${link.address} says what this program does not know`, {
          next: "start the newer version of shoal on this node",
        });
    }
  }

  #welcomed(link: Link, welcome: NonNullable<SessionDown["welcome"]>): void {
    const { env, log, reporter } = this.#deps;
    const { sessionId, heartbeatMs } = welcome;
    this.#handlers.onIncarnation(welcome.clusterIncarnation);
    link.sessionId = sessionId;
    link.openedAt = env.now();
    link.patienceMs = SILENCE_MS;
    this.#lastError = null;
    this.#lastErrors.delete(link.address);
    log.info("session opened", { manager: link.address, sessionId });
    const beatMs = Math.max(HEARTBEAT_MS_MIN, heartbeatMs);
    const beatLater = (): void => {
      link.heartbeat = env.setTimer(beatMs, () => {
        if (this.#link !== link) return;
        if (this.#leavesOwn(link)) {
          this.#drop();
          this.#connect();
          return;
        }
        this.beat();
        beatLater();
      });
    };
    this.beat();
    beatLater();
    reporter.attach((reports) => this.#report(link, reports));
  }

  #report(link: Link, reports: readonly TaskReport[]): boolean {
    if (this.#link !== link) return false;
    const isWritable = link.stream.write({ statuses: { reports: [...reports] } });
    link.isBlocked ||= !isWritable;
    return isWritable;
  }

  #onClose(link: Link, end: StreamEnd): void {
    this.#lose(link, end.error ?? new AppError("unavailable", `Manager ${link.address} closed the session`));
  }

  #lose(link: Link, error: AppError): void {
    if (this.#link !== link) return;
    const wasOpen = link.sessionId !== "";
    this.#drop();
    this.#onLinkGone();
    if (this.#isStopped) return;
    const fields = { manager: link.address, code: error.code, error: error.message, next: error.details.next };
    // Managers that cannot help each say so in their own words at every try: each is news once.
    const isNews = wasOpen || this.#lastErrors.get(link.address) !== error.message;
    this.#lastErrors.set(link.address, error.message);
    if (isNews) this.#deps.log.warn(wasOpen ? "session lost" : "no session with this manager", fields);
    this.#lastError = error;
    if (error.details["reason"] === REMOVED) this.#handlers.onExpelled();
    const waitMs = this.#failures === 0 ? this.#deps.env.random() * FIRST_RETRY_JITTER_MS : this.#backoff.next();
    this.#failures += 1;
    this.#retry = this.#deps.env.setTimer(waitMs, () => this.#connect());
  }

  #drop(): void {
    const link = this.#link;
    if (link === null) return;
    this.#link = null;
    link.watchdog?.cancel();
    link.heartbeat?.cancel();
    this.#deps.reporter.attach(null);
    link.stream.cancel();
    link.channel.close();
  }
}

function shuffled(addresses: readonly string[], env: Env): string[] {
  const result = [...addresses];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(env.random() * (at + 1));
    const kept = result[at] ?? "";
    result[at] = result[other] ?? "";
    result[other] = kept;
  }
  return result;
}
