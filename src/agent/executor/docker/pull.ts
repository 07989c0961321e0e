/**
 * Images: the local one first, unless the policy says always. A pull is bounded in time, shared by everyone who wants
 * the same reference, and at most PULLS_MAX run at once.
 */
import type { ContainerSpec } from "../../../model/index.ts";
import { imageVersion, parseImageRef } from "../../../model/image-ref.ts";
import { AppError, cancelled, isAppError } from "../../../util/errors.ts";
import type { Env, Timer } from "../../../util/env.ts";
import type { Logger } from "../../../util/log.ts";
import type { EngineClient } from "./engine-client.ts";
import { callFailure, notAnswering } from "./engine-error.ts";

export const PULLS_MAX = 3;
/** A whole pull: some GB over a slow line. */
export const PULL_MS = 30 * 60_000;
/** Without any progress. An engine without a route to a registry waits 20 s for DNS alone. */
export const PULL_IDLE_MS = 60_000;
/** Until the registry's first answer when a local image is there to fall back on. */
export const PULL_FIRST_MS = 5_000;
/** Is it the engine or the registry that does not answer? */
const PING_MS = 3_000;
const PROGRESS_BYTES_MAX = 256 * 1024;
const PATH = "spec.task.container.image";

type Policy = ContainerSpec["pullPolicy"];
type Pull = { readonly done: Promise<void>; readonly controller: AbortController; waiters: number };

export type PullerDeps = { readonly env: Env; readonly log: Logger; readonly client: EngineClient };

export class ImagePuller {
  readonly #deps: PullerDeps;
  readonly #pulls = new Map<string, Pull>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(deps: PullerDeps) {
    this.#deps = deps;
  }

  /** Resolves once the engine has the image. @throws not-found with the image and what to do */
  async ensure(image: string, policy: Policy, signal: AbortSignal): Promise<void> {
    // It becomes part of a path below.
    parseImageRef(image, PATH);
    const isLocal = await this.#isLocal(image, signal);
    if (isLocal && policy !== "ALWAYS") return;
    if (policy === "NEVER") {
      throw missing(image, "the pull policy is never", `run docker pull ${image} on the node, or allow pulling`);
    }
    try {
      await this.#shared(image, isLocal ? PULL_FIRST_MS : PULL_IDLE_MS, signal);
    } catch (error) {
      if (!isLocal || isAppError(error, "unavailable") || isAppError(error, "cancelled")) throw error;
      // As Swarm does: an old image beats no service while the registry is away.
      this.#deps.log.warn("image not refreshed, the local one is used", {
        image,
        error: AppError.from(error).message,
      });
    }
  }

  async #isLocal(image: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deps.client.get({ what: `Looking for image ${image}`, signal }, `/images/${image}/json`);
      return true;
    } catch (error) {
      if (isAppError(error, "not-found")) return false;
      throw error;
    }
  }

  /** The pull goes on as long as anybody waits for it. */
  async #shared(image: string, firstMs: number, signal: AbortSignal): Promise<void> {
    // A waiter with a local image to fall back on is more impatient, so it does not share with the others.
    const key = `${firstMs} ${image}`;
    const pull = this.#pulls.get(key) ?? this.#begin(key, image, firstMs);
    pull.waiters += 1;
    let onAbort = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = (): void => reject(cancelled(`Pulling ${image}`));
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      if (signal.aborted) throw cancelled(`Pulling ${image}`);
      await Promise.race([pull.done, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      pull.waiters -= 1;
      if (pull.waiters === 0) pull.controller.abort();
    }
  }

  #begin(key: string, image: string, firstMs: number): Pull {
    const controller = new AbortController();
    const done = this.#slot(controller.signal, () => this.#pull(image, firstMs, controller.signal)).finally(() => {
      if (this.#pulls.get(key)?.controller === controller) this.#pulls.delete(key);
    });
    // Everybody who waited may be gone by then.
    done.catch(() => undefined);
    // An abandoned pull is over for newcomers at once.
    controller.signal.addEventListener("abort", () => this.#pulls.delete(key), { once: true });
    const pull: Pull = { done, controller, waiters: 0 };
    this.#pulls.set(key, pull);
    return pull;
  }

  async #slot(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    if (this.#running >= PULLS_MAX) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running += 1;
    try {
      if (signal.aborted) throw cancelled("Pulling");
      await work();
    } finally {
      const next = this.#queue.shift();
      // The slot is handed over, so the count stays.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #pull(image: string, firstMs: number, signal: AbortSignal): Promise<void> {
    const { env, log } = this.#deps;
    const startedAt = env.now();
    log.info("pulling image", { image });
    try {
      await this.#transfer(image, firstMs, signal);
    } catch (error) {
      throw await this.#failure(image, error, signal);
    }
    log.info("image pulled", { image, ms: Math.round(env.now() - startedAt) });
  }

  async #transfer(image: string, firstMs: number, signal: AbortSignal): Promise<void> {
    const { client, env } = this.#deps;
    const ref = parseImageRef(image, PATH);
    const fromImage = `${ref.domain}/${ref.path}`;
    const life = new AbortController();
    const onAbort = (): void => life.abort();
    signal.addEventListener("abort", onAbort, { once: true });
    const deadline = env.setTimer(PULL_MS, onAbort);
    try {
      const response = await client.open(
        { what: `Pulling ${image}`, ms: firstMs, signal: life.signal },
        // Without a tag the engine would pull every tag there is.
        { method: "POST", path: "/images/create", query: { fromImage, tag: imageVersion(ref) } },
      );
      await readProgress(env, response, () => life.abort());
    } finally {
      deadline.cancel();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** An engine that is gone is not the image's fault; everything else is a missing image. */
  async #failure(image: string, error: unknown, signal: AbortSignal): Promise<AppError> {
    if (signal.aborted) return cancelled(`Pulling ${image}`);
    const failure = callFailure(`Pulling ${image}`, error);
    const isDeadline = isAppError(failure.cause, "deadline");
    if (failure.code === "unavailable" && !isDeadline) return failure;
    if (isDeadline) {
      try {
        await this.#deps.client.get({ what: "Ping", ms: PING_MS, signal }, "/_ping");
      } catch (gone) {
        return callFailure("Ping", gone);
      }
    }
    return missing(image, isDeadline ? "the registry does not answer" : failure.message);
  }
}

function missing(image: string, why: string, next?: string): AppError {
  return new AppError("not-found", `Image ${image} is not on this node and was not pulled: ${why}`, {
    path: PATH,
    next: next ?? "check its name and tag, push it to a registry the node reaches, or docker pull it on the node",
  });
}

type Progress = {
  on(event: "data", listener: (chunk: Buffer) => void): void;
  once(event: "end" | "close", listener: () => void): void;
};

/** Reads to the end. The engine reports a failure as the stream's last object, with status 200. */
async function readProgress(env: Env, response: Progress, giveUp: () => void): Promise<void> {
  let error: string | null = null;
  let isComplete = false;
  let isIdle = false;
  let timer: Timer = { cancel: () => undefined };
  const watch = (): void => {
    timer.cancel();
    timer = env.setTimer(PULL_IDLE_MS, () => {
      isIdle = true;
      giveUp();
    });
  };
  watch();
  const lines = new JsonLines((object) => {
    if ("error" in object && typeof object.error === "string") error = object.error;
  });
  await new Promise<void>((resolve) => {
    response.on("data", (chunk) => {
      watch();
      lines.push(chunk);
    });
    response.once("end", () => (isComplete = true));
    response.once("close", resolve);
  });
  timer.cancel();
  if (error !== null) throw new AppError("not-found", error);
  if (isIdle) throw new AppError("not-found", `no progress for ${PULL_IDLE_MS / 1000} s`);
  if (!isComplete) throw notAnswering("the pull broke off");
}

class JsonLines {
  readonly #onObject: (object: object) => void;
  #rest = "";

  constructor(onObject: (object: object) => void) {
    this.#onObject = onObject;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString("utf8")).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, PROGRESS_BYTES_MAX);
    for (const line of lines) this.#parse(line);
  }

  #parse(line: string): void {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value !== null) this.#onObject(value);
    } catch {
      // Progress nobody can read is no progress to act on.
    }
  }
}
