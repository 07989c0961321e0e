/**
 * Keeps in touch with the engine: pings, the event stream, and after every absence a look at everything.
 *
 *   down --ping, info, event stream, list--> up --stream ended, or pings unanswered--> down
 *
 * A lost event stream counts as an absence even if the engine answers at once: what it stopped meanwhile must be seen
 * as stopped by an absence, never as tasks that failed. Up is announced only after everything was looked at.
 */
import type { IncomingMessage } from "node:http";
import { Backoff } from "../../../util/backoff.ts";
import { AppError, cancelled, isAppError } from "../../../util/errors.ts";
import { sleep, type Env } from "../../../util/env.ts";
import type { Logger } from "../../../util/log.ts";
import { Scope } from "../../../util/scope.ts";
import type { EngineHealth, ExecutorDescription, ExecutorOwner } from "../executor.ts";
import { describeEngine, parseInfo, UNKNOWN_ENGINE } from "./description.ts";
import type { EngineClient } from "./engine-client.ts";
import { ensureEngineId } from "./engine-id.ts";
import { NOT_ANSWERING, notAnswering } from "./engine-error.ts";
import { openEvents, type TaskEvent } from "./events.ts";

export type EngineLinkOptions = {
  readonly pingEveryMs: number;
  readonly pingMs: number;
  readonly auditEveryMs: number;
};

export const LINK_DEFAULTS: EngineLinkOptions = { pingEveryMs: 2_000, pingMs: 3_000, auditEveryMs: 30_000 };

/** An engine too busy for one ping is not gone; a refused connection is. */
const PINGS_UNANSWERED_MAX = 2;
const RECONNECT = { firstMs: 100, maxMs: 2_000 };
/** A ping of its own connection takes about a millisecond. */
const PROBE_MS = 3_000;
/** How long start() waits for the first try. */
const FIRST_TRY_MS = 8_000;

export type EngineLinkDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly client: EngineClient;
  readonly onTaskEvent: (event: TaskEvent) => void;
  /** Looks at everything of ours, before "up" and at every audit. What it returns tells the tasks of what it found. */
  readonly resync: (signal: AbortSignal, reason: "connected" | "audit") => Promise<() => void>;
  /** Health or description changed. */
  readonly onChange: () => void;
};

export class EngineLink {
  readonly #deps: EngineLinkDeps;
  readonly #options: EngineLinkOptions;
  readonly #scope: Scope;
  #health: EngineHealth = { ok: false, message: `${NOT_ANSWERING} (not tried yet)` };
  #description: ExecutorDescription = UNKNOWN_ENGINE;
  #storagePath = "";
  #firstTry: (() => void) | null = null;
  /** Ends the connection of the moment. */
  #lose: (error: AppError) => void = () => undefined;

  constructor(deps: EngineLinkDeps, options: EngineLinkOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#scope = new Scope((name, error) => deps.log.error("engine link failed", { name, error }));
  }

  get health(): EngineHealth {
    return this.#health;
  }

  get description(): ExecutorDescription {
    return this.#description;
  }

  /** By the engine's own word, so of its machine; empty before it ever answered. */
  get storagePath(): string {
    return this.#storagePath;
  }

  /** Resolves after the first try, whatever its outcome. */
  async start(owner: ExecutorOwner): Promise<void> {
    const tried = new Promise<void>((resolve) => (this.#firstTry = resolve));
    this.#scope.spawn("link", (signal) => this.#run(owner, signal));
    const giveUp = this.#deps.env.setTimer(FIRST_TRY_MS, () => this.#tried());
    await tried;
    giveUp.cancel();
  }

  async stop(): Promise<void> {
    await this.#scope.close();
  }

  /** @throws unavailable while the engine does not answer, so that calls fail now and not at their deadline. */
  check(): void {
    if (!this.#health.ok) throw new AppError("unavailable", this.#health.message);
  }

  /**
   * Call before believing that a container has ended: an engine that goes down ends its containers first, and that is
   * no end of their own. It takes new connections until the first of them is told to stop.
   * @throws unavailable
   */
  async confirm(signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.client.probe(PROBE_MS, signal);
    } catch (error) {
      const failure = AppError.from(error);
      if (failure.code === "unavailable") this.#lose(failure);
      throw failure;
    }
  }

  async #run(owner: ExecutorOwner, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#deps.env, RECONNECT);
    for (;;) {
      const connection = new AbortController();
      const end = (): void => connection.abort();
      signal.addEventListener("abort", end, { once: true });
      try {
        const { events, announce } = await this.#connect(owner, connection.signal);
        backoff.reset();
        this.#setHealth({ ok: true, message: "" });
        announce();
        this.#tried();
        await this.#watch(events, connection.signal);
      } catch (error) {
        if (signal.aborted) throw cancelled("The engine link");
        this.#down(AppError.from(error));
      } finally {
        connection.abort();
        signal.removeEventListener("abort", end);
      }
      this.#tried();
      await sleep(this.#deps.env, backoff.next(), signal);
    }
  }

  async #connect(
    owner: ExecutorOwner,
    signal: AbortSignal,
  ): Promise<{ events: IncomingMessage; announce: () => void }> {
    const { client, onTaskEvent } = this.#deps;
    await this.#ping(signal);
    await this.#describe(signal);
    const events = await openEvents(client, owner, { signal, onEvent: onTaskEvent });
    const announce = await this.#deps.resync(signal, "connected");
    return { events, announce };
  }

  /** Returns never; rejects when the connection is lost. */
  async #watch(events: IncomingMessage, signal: AbortSignal): Promise<void> {
    const closed = new Promise<never>((_, reject) => {
      this.#lose = (error) => {
        this.#down(error);
        reject(error);
      };
      const onClose = (): void => reject(notAnswering("the event stream ended"));
      if (events.destroyed || events.readableEnded) onClose();
      else events.once("close", onClose);
    });
    await Promise.race([closed, this.#pingForever(signal), this.#auditForever(signal)]);
  }

  async #pingForever(signal: AbortSignal): Promise<never> {
    for (let unanswered = 0; ;) {
      // After an unanswered ping the next follows at once: the first one was its wait.
      if (unanswered === 0) await sleep(this.#deps.env, this.#options.pingEveryMs, signal);
      try {
        await this.#ping(signal);
        unanswered = 0;
      } catch (error) {
        unanswered += 1;
        const isSlow = error instanceof AppError && isAppError(error.cause, "deadline");
        if (!isSlow || unanswered >= PINGS_UNANSWERED_MAX) throw error;
      }
    }
  }

  async #auditForever(signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(this.#deps.env, this.#options.auditEveryMs, signal);
      try {
        await this.#describe(signal);
        const announce = await this.#deps.resync(signal, "audit");
        announce();
      } catch (error) {
        // Whether the engine is gone is for the pings to say.
        if (signal.aborted) throw error;
        this.#deps.log.debug("engine audit failed", { error: AppError.from(error).message });
      }
    }
  }

  async #ping(signal: AbortSignal): Promise<void> {
    const { client } = this.#deps;
    await client.get({ what: "Ping", ms: this.#options.pingMs, signal }, "/_ping");
  }

  async #describe(signal: AbortSignal): Promise<void> {
    const { client, env } = this.#deps;
    const info = await client.get({ what: "Reading the engine's description", signal }, "/info");
    const parsed = parseInfo(info);
    this.#storagePath = parsed.DockerRootDir;
    const engineId = await ensureEngineId(client, env, { known: this.#description.engineId, signal });
    const next = describeEngine(parsed, engineId);
    if (JSON.stringify(next) === JSON.stringify(this.#description)) return;
    this.#description = next;
    if (this.#health.ok) this.#deps.onChange();
  }

  #down(error: AppError): void {
    const message = error.code === "unavailable" ? error.message : `${NOT_ANSWERING} (${error.message})`;
    this.#setHealth({ ok: false, message });
  }

  #setHealth(health: EngineHealth): void {
    if (health.ok === this.#health.ok && health.message === this.#health.message) return;
    const isNews = health.ok !== this.#health.ok;
    this.#health = health;
    if (isNews) this.#deps.log.info(health.ok ? "engine answers" : NOT_ANSWERING, { detail: health.message });
    this.#deps.onChange();
  }

  #tried(): void {
    this.#firstTry?.();
    this.#firstTry = null;
  }
}
