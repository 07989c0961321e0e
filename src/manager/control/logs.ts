/**
 * The Logs service: resolves services and tasks to sources, reads each from its node, and merges
 * them as they come. A slow reader stops the nodes; nothing queues here beyond a message a source.
 */
import { openStream, type ClientStream } from "../../proto/client.ts";
import type { LogsMessageInput } from "../../proto/gen/LogsMessage.ts";
import type { LogsOptions } from "../../proto/gen/LogsOptions.ts";
import type { LogsRequest } from "../../proto/gen/LogsRequest.ts";
import type { Channel, Dialer } from "../../proto/rpc.ts";
import type { Router, ServerStream } from "../../proto/router.ts";
import type { Task } from "../../model/index.ts";
import type { ReadTx, StoreApi, Tables } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";
import type { Logger } from "../../util/log.ts";

/** Sources one call reads at once; more is refused with a hint. */
export const SOURCES_MAX = 200;
const TARGETS_MAX = 100;

export type LogsDeps = { readonly store: StoreApi; readonly dialer: Dialer; readonly log: Logger };

export function registerLogs(router: Router, deps: LogsDeps): void {
  router.stream("Logs.Stream", (stream) => {
    let follower: LogsFollower | null = null;
    stream.attach({
      onMessage: (request) => {
        if (follower !== null) return;
        try {
          follower = new LogsFollower(deps, stream, request);
          follower.start();
        } catch (error) {
          stream.cancel(AppError.from(error));
        }
      },
      onDrain: () => follower?.resume(),
      onClose: () => follower?.close(),
    });
  });
}

/** One caller's merged stream. */
class LogsFollower {
  readonly #deps: LogsDeps;
  readonly #stream: ServerStream<"Logs.Stream">;
  readonly #options: LogsOptions;
  readonly #targets: readonly string[];
  readonly #sources = new Map<string, ClientStream<"NodeService.Logs">>();
  readonly #seen = new Set<string>();
  readonly #channels: Channel[] = [];
  #serviceIds = new Set<string>();
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
    const tx = this.#deps.store.view();
    const tasks = this.#targets.flatMap((target) => this.#resolve(tx, target));
    const readable = tasks.filter((task) => task.nodeId !== "");
    if (readable.length > SOURCES_MAX) {
      throw new AppError("invalid", `targets: ${readable.length} tasks are more than ${SOURCES_MAX} at once`, {
        path: "targets",
        next: "name single tasks",
      });
    }
    for (const task of readable) this.#open(tx, task, this.#options);
    if (this.#options.follow) {
      this.#unsubscribe = this.#deps.store.onCommit((set) => {
        for (const change of set.changes) {
          if (change.table === "task" && change.after !== undefined) this.#onTask(change.after);
          if (change.table === "service" && change.after === undefined) this.#onServiceGone(change.id);
        }
      });
    }
    this.#endIfDone();
  }

  resume(): void {
    this.#isPaused = false;
    for (const source of this.#sources.values()) source.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    for (const source of this.#sources.values()) source.cancel();
    for (const channel of this.#channels) channel.close();
  }

  /** A replacement, or a new replica, of a followed service: read it from its own start. */
  #onTask(task: Task): void {
    if (this.#isClosed || !this.#serviceIds.has(task.serviceId) || task.nodeId === "" || this.#seen.has(task.id))
      return;
    if (this.#sources.size >= SOURCES_MAX) return;
    this.#open(this.#deps.store.view(), task, { follow: true, sinceMs: this.#options.sinceMs });
  }

  #onServiceGone(serviceId: string): void {
    this.#serviceIds.delete(serviceId);
    this.#endIfDone();
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
    const task = tx.get("task", target) ?? byPrefix(tx, "task", target);
    if (task !== undefined) return [task];
    throw new AppError("not-found", `targets: no service or task "${target}"`, {
      path: "targets",
      next: "shoal service ls",
    });
  }

  #open(tx: ReadTx, task: Task, options: LogsOptions): void {
    this.#seen.add(task.id);
    const node = tx.get("node", task.nodeId);
    const name = `${task.serviceName}.${task.slot}`;
    const ids = { taskId: task.id, nodeId: task.nodeId };
    this.#send({ begin: { ...ids, name, nodeName: node?.spec?.name ?? "" } });
    if (node === undefined || node.address === "") {
      this.#send({ end: { ...ids, error: "Its node is gone" } });
      return;
    }
    const channel = this.#deps.dialer.dial(node.address, { peer: { kind: "node", nodeId: node.id }, profile: "bulk" });
    this.#channels.push(channel);
    let hasEnded = false;
    const source = openStream(
      channel,
      "NodeService.Logs",
      {
        onMessage: (message) => {
          if (message.message === "end") hasEnded = true;
          this.#send(message);
        },
        onClose: (end) => {
          this.#sources.delete(task.id);
          channel.close();
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

  #send(message: LogsMessageInput): void {
    if (this.#isClosed || this.#stream.write(message) || this.#isPaused) return;
    this.#isPaused = true;
    for (const source of this.#sources.values()) source.pause();
  }

  #endIfDone(): void {
    if (this.#isClosed || this.#sources.size > 0) return;
    if (this.#options.follow && this.#serviceIds.size > 0) return;
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
