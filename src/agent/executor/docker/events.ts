/** The engine's event stream, reduced to "something happened to this task". */
import type { IncomingMessage } from "node:http";
import { LABELS, ownerLabels } from "../container-spec.ts";
import type { ExecutorOwner } from "../executor.ts";
import type { EngineClient } from "./engine-client.ts";

/** Everything that changes what inspect says. Without a filter each health probe would send three more. */
const ACTIONS = ["create", "start", "die", "oom", "destroy", "health_status", "pause", "unpause"];
/** The engine's events are below 10 KiB; anything longer is no event. */
const EVENT_BYTES_MAX = 1024 * 1024;

export type TaskEvent = {
  readonly taskId: string;
  readonly containerId: string;
  readonly action: string;
  /** Of a death; null in any other event. */
  readonly exitCode: number | null;
  /** Unix ms by the engine's clock. */
  readonly timeMs: number;
};

/** Opens the stream; events go to `onEvent` until the returned response closes. */
export async function openEvents(
  client: EngineClient,
  owner: ExecutorOwner,
  { signal, onEvent }: { signal: AbortSignal; onEvent: (event: TaskEvent) => void },
): Promise<IncomingMessage> {
  const filters = { type: ["container"], event: ACTIONS, label: labelFilter(owner) };
  const response = await client.open(
    { what: "Opening the event stream", signal },
    { method: "GET", path: "/events", query: { filters: JSON.stringify(filters) } },
  );
  const lines = new EventLines(onEvent);
  response.on("data", (chunk: Buffer) => {
    if (!lines.push(chunk)) response.destroy();
  });
  return response;
}

export function labelFilter(owner: ExecutorOwner, taskId?: string): string[] {
  const labels = { ...ownerLabels(owner), ...(taskId !== undefined && { [LABELS.task]: taskId }) };
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

/** Splits a byte stream into events; exported for its test. */
export class EventLines {
  readonly #onEvent: (event: TaskEvent) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onEvent: (event: TaskEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** @returns false when what came is not an event stream. */
  push(chunk: Buffer): boolean {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a)) {
      const event = toTaskEvent(bytes.toString("utf8", 0, end));
      bytes = bytes.subarray(end + 1);
      if (event !== null) this.#onEvent(event);
    }
    this.#rest = Buffer.from(bytes);
    return this.#rest.length <= EVENT_BYTES_MAX;
  }
}

/** Null for anything that does not name one of our tasks. */
function toTaskEvent(line: string): TaskEvent | null {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return null;
  }
  const actor = field(event, "Actor");
  const attributes = field(actor, "Attributes");
  const taskId = field(attributes, LABELS.task);
  const containerId = field(actor, "ID");
  const action = field(event, "Action");
  if (typeof taskId !== "string" || typeof containerId !== "string" || typeof action !== "string") return null;
  const code = field(attributes, "exitCode");
  const exitCode = action === "die" && typeof code === "string" && /^\d+$/.test(code) ? Number(code) : null;
  const nanos = field(event, "timeNano");
  return { taskId, containerId, action, exitCode, timeMs: typeof nanos === "number" ? Math.floor(nanos / 1e6) : 0 };
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
