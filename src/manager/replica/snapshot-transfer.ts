/**
 * Snapshot bodies between managers. The follower pulls: it is the gRPC client, whose receive window
 * can be large, and it paces the stream by its own disk. The leader serves chunk by chunk and reads
 * the next one only when the last was taken.
 */
import { openStream, type ClientStream } from "../../proto/client.ts";
import type { Channel, Dialer } from "../../proto/rpc.ts";
import type { ServerStream } from "../../proto/router.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import { sleep, type Env, type Timer } from "../../util/env.ts";
import { AppError, isAppError } from "../../util/errors.ts";
import type { SnapshotManifest } from "./log-records.ts";
import type { SnapshotStore, SnapshotWriter } from "./snapshot-store.ts";

/** A chunk that takes longer means a dead server or link; the pull resumes later where it broke off. */
export const CHUNK_DEADLINE_MS = 5_000;

class Serving {
  readonly #store: SnapshotStore;
  readonly #manifest: SnapshotManifest;
  readonly #stream: ServerStream<"Raft.FetchSnapshot">;
  #offset: number;
  #isOpen = true;
  #isReading = false;
  #isWritable = true;

  constructor(
    store: SnapshotStore,
    manifest: SnapshotManifest,
    stream: ServerStream<"Raft.FetchSnapshot">,
    offset: number,
  ) {
    this.#store = store;
    this.#manifest = manifest;
    this.#stream = stream;
    this.#offset = offset;
  }

  start(): void {
    void this.#pump();
  }

  drained(): void {
    this.#isWritable = true;
    void this.#pump();
  }

  closed(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#store.unpin(this.#manifest.slot);
  }

  /** One reader at a time; ends when the stream is full, over or closed. */
  async #pump(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isOpen && this.#isWritable) {
        if (this.#offset >= this.#manifest.meta.sizeBytes) {
          this.#stream.end();
          this.closed();
          return;
        }
        const { chunkBytes } = this.#store;
        const at = Math.floor(this.#offset / chunkBytes);
        const chunk = await this.#store.chunk(this.#manifest, at);
        if (!this.#isOpen) return;
        const data = chunk.subarray(this.#offset - at * chunkBytes);
        this.#isWritable = this.#stream.write({ offset: this.#offset, data });
        this.#offset += data.byteLength;
      }
    } catch (error) {
      this.#stream.cancel(AppError.from(error));
      this.closed();
    } finally {
      this.#isReading = false;
    }
  }
}

/** Answers one FetchSnapshot call; the one request comes as the first message. */
export function acceptFetch(
  stream: ServerStream<"Raft.FetchSnapshot">,
  current: () => { readonly store: SnapshotStore; readonly manifest: SnapshotManifest | null },
): void {
  let serving: Serving | null = null;
  stream.attach({
    onMessage: (request) => {
      if (serving !== null) return;
      const { store, manifest } = current();
      if (manifest === null || manifest.meta.index !== request.index || manifest.meta.term !== request.term) {
        stream.cancel(new AppError("not-found", `Snapshot ${request.index} is not the current one here`));
      } else if (request.offset > manifest.meta.sizeBytes) {
        stream.cancel(new AppError("invalid", `offset: ${request.offset} is beyond the end of the snapshot`));
      } else {
        store.pin(manifest.slot);
        serving = new Serving(store, manifest, stream, request.offset);
        serving.start();
      }
    },
    onDrain: () => serving?.drained(),
    onClose: () => serving?.closed(),
  });
}

export type PullSource = { readonly address: string; readonly nodeId: string };

/** One snapshot on its way here. What has arrived survives a broken stream, not a restart. */
export class SnapshotPull {
  readonly meta: SnapshotMeta;
  readonly #env: Env;
  readonly #dialer: Dialer;
  readonly #writer: SnapshotWriter;

  constructor(deps: { env: Env; dialer: Dialer; store: SnapshotStore }, meta: SnapshotMeta) {
    this.#env = deps.env;
    this.#dialer = deps.dialer;
    this.#writer = deps.store.create();
    this.meta = meta;
  }

  /**
   * Pulls to the end and verifies the whole. Call `close` once the slot counts or is given up.
   * @throws AppError whatever made the last attempt fail
   */
  async run(source: PullSource, signal: AbortSignal): Promise<SnapshotManifest> {
    let failures = 0;
    for (;;) {
      const before = this.#writer.durableBytes;
      try {
        await this.#attempt(source, signal);
        break;
      } catch (error) {
        signal.throwIfAborted();
        failures = this.#writer.durableBytes > before ? 1 : failures + 1;
        if (failures >= PULL_ATTEMPTS || !isWorthRetrying(error)) throw error;
        await sleep(this.#env, PULL_RETRY_MS, signal);
      }
    }
    const { sizeBytes, hash, chunks } = await this.#writer.finish();
    if (sizeBytes !== this.meta.sizeBytes || hash !== this.meta.hash) {
      throw new AppError("corrupt", `Snapshot ${this.meta.index} from ${source.nodeId} fails its checksum`);
    }
    return { meta: this.meta, slot: this.#writer.slot, chunks };
  }

  close(): void {
    this.#writer.close();
  }

  async #attempt({ address, nodeId }: PullSource, signal: AbortSignal): Promise<void> {
    this.#writer.rewind();
    const channel = this.#dialer.dial(address, { peer: { kind: "node", nodeId }, profile: "bulk" });
    try {
      await new Promise<void>((resolve, reject) => {
        const stream = new PullStream(this.#env, this.#writer, { resolve, reject });
        stream.open(channel, { index: this.meta.index, term: this.meta.term }, signal);
      });
    } finally {
      channel.close();
    }
  }
}

/** Attempts in a row without a single new chunk. */
const PULL_ATTEMPTS = 5;
const PULL_RETRY_MS = 200;

function isWorthRetrying(error: unknown): boolean {
  return isAppError(error) && ["unavailable", "deadline", "cancelled", "internal"].includes(error.code);
}

/** One attempt: stream to writer, paused while the disk is behind. */
class PullStream {
  readonly #env: Env;
  readonly #writer: SnapshotWriter;
  readonly #settle: { resolve: () => void; reject: (error: Error) => void };
  #stream: ClientStream<"Raft.FetchSnapshot"> | null = null;
  #expected: number;
  #timer: Timer | null = null;
  #isFlushing = false;
  #hasEnded = false;
  #isDone = false;
  /** Told only when no write is under way any more: the next attempt starts from what is durable. */
  #failure: AppError | null = null;

  constructor(env: Env, writer: SnapshotWriter, settle: { resolve: () => void; reject: (error: Error) => void }) {
    this.#env = env;
    this.#writer = writer;
    this.#settle = settle;
    this.#expected = writer.durableBytes;
  }

  open(channel: Channel, { index, term }: { index: number; term: number }, signal: AbortSignal): void {
    this.#arm();
    this.#stream = openStream(
      channel,
      "Raft.FetchSnapshot",
      {
        onMessage: ({ offset, data }) => this.#onChunk(offset, data),
        onClose: ({ error }) => (error === null ? this.#onEnd() : this.#fail(error)),
      },
      { request: { index, term, offset: this.#expected }, signal },
    );
  }

  #onChunk(offset: number, data: Uint8Array): void {
    if (this.#isDone) return;
    if (offset !== this.#expected) {
      this.#fail(new AppError("unavailable", `Expected snapshot bytes from ${this.#expected}, got ${offset}`));
      return;
    }
    this.#expected += data.byteLength;
    this.#writer.add(data);
    this.#arm();
    if (!this.#writer.isChunkReady || this.#isFlushing) return;
    this.#isFlushing = true;
    this.#stream?.pause();
    this.#writer.flush().then(
      () => {
        this.#isFlushing = false;
        if (this.#failure !== null) this.#settle.reject(this.#failure);
        this.#stream?.resume();
        if (this.#hasEnded) this.#succeed();
      },
      (error: unknown) => {
        this.#isFlushing = false;
        if (this.#failure !== null) this.#settle.reject(this.#failure);
        this.#fail(AppError.from(error));
      },
    );
  }

  #onEnd(): void {
    this.#hasEnded = true;
    if (!this.#isFlushing) this.#succeed();
  }

  #succeed(): void {
    if (this.#isDone) return;
    this.#finish();
    this.#settle.resolve();
  }

  #fail(error: AppError): void {
    if (this.#isDone) return;
    this.#finish();
    if (this.#isFlushing) this.#failure = error;
    else this.#settle.reject(error);
  }

  #finish(): void {
    this.#isDone = true;
    this.#timer?.cancel();
    this.#stream?.cancel();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = this.#env.setTimer(CHUNK_DEADLINE_MS, () =>
      this.#fail(new AppError("deadline", `No snapshot chunk for ${CHUNK_DEADLINE_MS} ms`)),
    );
  }
}
