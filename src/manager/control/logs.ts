/**
 * The Logs service: resolves services and tasks to sources, reads each from its node, and merges
 * them as they come. A slow reader stops the nodes; nothing queues here beyond a message a source.
 */
import { openStream, type ClientStream } from "../../proto/client.ts";
import type { LogsMessageInput } from "../../proto/gen/LogsMessage.ts";
import type { LogsOptions } from "../../proto/gen/LogsOptions.ts";
import type { LogsRequest } from "../../proto/gen/LogsRequest.ts";
import type { CallContext, Channel, Dialer } from "../../proto/rpc.ts";
import type { Router, ServerStream } from "../../proto/router.ts";
import type { Node, Task } from "../../model/index.ts";
import { taskName } from "../../model/naming.ts";
import { findTaskNamed } from "../../store/task-names.ts";
import type { ReadTx, StoreApi, Tables } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Logger } from "../../util/log.ts";

/** Sources one call reads at once; more is refused with a hint. */
export const SOURCES_MAX = 200;
const TARGETS_MAX = 100;
/** Calls at once on one manager; each may hold a connection to every node. */
export const LOG_CALLS_MAX = 256;

export type LogsDeps = {
  readonly store: StoreApi;
  readonly dialer: Dialer;
  readonly log: Logger;
  /** Resolves once what was acknowledged before is in the store. @throws without a quorum */
  readonly catchUp: (signal: AbortSignal) => Promise<void>;
};

export function registerLogs(router: Router, deps: LogsDeps): void {
  const open = new Set<LogsFollower>();
  router.stream("Logs.Stream", (stream, context) => {
    let follower: LogsFollower | null = null;
    stream.attach({
      onMessage: (request) => {
        if (follower !== null) return;
        try {
          if (open.size >= LOG_CALLS_MAX) throw tooMany();
          follower = new LogsFollower(deps, stream, request);
          open.add(follower);
          void begin(deps, follower, stream, context);
        } catch (error) {
          stream.cancel(AppError.from(error));
        }
      },
      onDrain: () => follower?.resume(),
      onClose: () => {
        if (follower === null) return;
        open.delete(follower);
        follower.close();
      },
    });
  });
}

function tooMany(): AppError {
  return new AppError("exhausted", `This manager reads logs for ${LOG_CALLS_MAX} calls already`, {
    next: "end some, or ask another manager",
  });
}

async function begin(
  deps: LogsDeps,
  follower: LogsFollower,
  stream: ServerStream<"Logs.Stream">,
  { signal }: CallContext,
): Promise<void> {
  try {
    await deps.catchUp(signal);
  } catch (error) {
    // Without a quorum logs are all the more of use: what is known here has to do.
    deps.log.debug("logs of what is known here", { code: AppError.from(error).code });
  }
  try {
    follower.start();
  } catch (error) {
    stream.cancel(AppError.from(error));
  }
}

type NodeChannel = { readonly channel: Channel; users: number };

/** One caller's merged stream. */
class LogsFollower {
  readonly #deps: LogsDeps;
  readonly #stream: ServerStream<"Logs.Stream">;
  readonly #options: LogsOptions;
  readonly #targets: readonly string[];
  readonly #sources = new Map<string, ClientStream<"NodeService.Logs">>();
  readonly #seen = new Set<string>();
  /** By node: one connection carries all of its tasks. */
  readonly #channels = new Map<string, NodeChannel>();
  readonly #serviceIds = new Set<string>();
  /** Followed tasks that no node has yet. */
  readonly #waiting = new Set<string>();
  #isPaused = false;
  #isClosed = false;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: LogsDeps, stream: ServerStream<"Logs.Stream">, request: LogsRequest) {
    this.#deps = deps;
    this.#stream = stream;
    this.#options = request.options ?? { follow: false, sinceMs: 0 };
    this.#targets = request.targets;
    if (request.targets.length === 0 || request.targets.length > TARGETS_MAX) {
      throw new AppError("invalid", `targets: between 1 and ${TARGETS_MAX} services or tasks`, { path: "targets" });
    }
  }

  start(): void {
    if (this.#isClosed) return;
    const tx = this.#deps.store.view();
    const tasks = new Map(this.#targets.flatMap((target) => this.#resolve(tx, target)).map((task) => [task.id, task]));
    const readable = [...tasks.values()].filter((task) => task.nodeId !== "");
    if (readable.length > SOURCES_MAX) {
      throw new AppError("invalid", `targets: ${readable.length} tasks are more than ${SOURCES_MAX} at once`, {
        path: "targets",
        next: "name single tasks",
      });
    }
    if (this.#options.follow) {
      for (const task of tasks.values()) if (task.nodeId === "") this.#waiting.add(task.id);
      this.#unsubscribe = this.#deps.store.onCommit((set) => {
        for (const change of set.changes) {
          if (change.table === "task") this.#onTask(change.id, change.after);
          if (change.table === "service" && change.after === undefined) this.#serviceIds.delete(change.id);
        }
        this.#endIfDone();
      });
    }
    for (const task of readable) this.#open(tx, task, this.#options);
    this.#endIfDone();
  }

  resume(): void {
    this.#isPaused = false;
    for (const source of this.#sources.values()) source.resume();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    for (const source of this.#sources.values()) source.cancel();
    for (const { channel } of this.#channels.values()) channel.close();
  }

  /** A replacement, or a new replica, of a followed service: read it from its own start. */
  #onTask(id: string, task: Task | undefined): void {
    if (this.#isClosed) return;
    if (task === undefined) {
      this.#seen.delete(id);
      this.#waiting.delete(id);
      return;
    }
    const isFollowed = this.#serviceIds.has(task.serviceId) || this.#waiting.has(id);
    if (!isFollowed || task.nodeId === "" || this.#seen.has(id)) return;
    this.#waiting.delete(id);
    if (this.#sources.size >= SOURCES_MAX) this.#leaveOut(task);
    else this.#open(this.#deps.store.view(), task, { follow: true, sinceMs: this.#options.sinceMs });
  }

  /** Said once: its lines would be missing unseen. */
  #leaveOut(task: Task): void {
    this.#seen.add(task.id);
    const ids = { taskId: task.id, nodeId: task.nodeId };
    const nodeName = this.#deps.store.view().get("node", task.nodeId)?.spec?.name ?? "";
    this.#send({ begin: { ...ids, name: taskName(task), nodeName } });
    this.#send({ end: { ...ids, error: `Not followed: this call reads ${SOURCES_MAX} tasks already` } });
  }

  #resolve(tx: ReadTx, target: string): readonly Task[] {
    const service =
      tx.get("service", target) ??
      tx.find("service", "name", target.toLowerCase())[0] ??
      byPrefix(tx, "service", target);
    if (service !== undefined) {
      this.#serviceIds.add(service.id);
      return tx.find("task", "service", service.id);
    }
    const task = tx.get("task", target) ?? findTaskNamed(tx, target) ?? byPrefix(tx, "task", target);
    if (task !== undefined) return [task];
    throw new AppError("not-found", `targets: no service or task "${target}"`, {
      path: "targets",
      next: "shoal service ls",
    });
  }

  #open(tx: ReadTx, task: Task, options: LogsOptions): void {
    this.#seen.add(task.id);
    const node = tx.get("node", task.nodeId);
    const ids = { taskId: task.id, nodeId: task.nodeId };
    const name = taskName(task);
    this.#send({ begin: { ...ids, name, nodeName: node?.spec?.name ?? "" } });
    if (node === undefined || node.address === "") {
      this.#send({ end: { ...ids, error: "Its node is gone" } });
      return;
    }
    let hasEnded = false;
    const source = openStream(
      this.#channel(node),
      "NodeService.Logs",
      {
        onMessage: (message) => {
          if (message.message === "end") hasEnded = true;
          this.#send(message);
        },
        onClose: (end) => {
          this.#sources.delete(task.id);
          this.#release(node.id);
          if (this.#isClosed) return;
          if (!hasEnded) this.#send({ end: { ...ids, error: end.error?.message ?? "" } });
          this.#endIfDone();
        },
      },
      { request: { taskId: task.id, options } },
    );
    this.#sources.set(task.id, source);
    if (this.#isPaused) source.pause();
  }

  #channel({ id, address }: Node): Channel {
    const known = this.#channels.get(id);
    if (known !== undefined) {
      known.users += 1;
      return known.channel;
    }
    const channel = this.#deps.dialer.dial(address, { peer: { kind: "node", nodeId: id }, profile: "logs" });
    this.#channels.set(id, { channel, users: 1 });
    return channel;
  }

  #release(nodeId: string): void {
    const known = this.#channels.get(nodeId);
    if (known === undefined) return;
    known.users -= 1;
    if (known.users > 0) return;
    this.#channels.delete(nodeId);
    known.channel.close();
  }

  #send(message: LogsMessageInput): void {
    if (this.#isClosed || this.#stream.write(message) || this.#isPaused) return;
    this.#isPaused = true;
    for (const source of this.#sources.values()) source.pause();
  }

  #endIfDone(): void {
    if (this.#isClosed || this.#sources.size > 0) return;
    if (this.#options.follow && this.#serviceIds.size + this.#waiting.size > 0) return;
    this.close();
    this.#stream.end();
  }
}

function byPrefix<T extends "service" | "task">(tx: ReadTx, table: T, prefix: string): Tables[T] | undefined {
  const matches: Tables[T][] = [];
  for (const object of tx.all(table)) if (object.id.startsWith(prefix)) matches.push(object);
  if (matches.length > 1) {
    throw new AppError("invalid", `targets: "${prefix}" is the start of several ids`, { path: "targets" });
  }
  return matches[0];
}
