/** What the makers of events share: what they are given, and how one is filled in. Pure. */
import type { Cause, Event, EventLevel, Node } from "../../model/index.ts";
import { nodeName } from "../../model/naming.ts";
import type { Change, Origin, ReadTx, TableName } from "../../store/types.ts";

/** UTF-16 units of an event's text. */
export const EVENT_TEXT_MAX = 512;

export const EVENT_TYPES = ["service", "task", "node", "run", "cluster"] as const;

/** An event but for its place and time, which all of one change have in common. */
export type Happening = Omit<Event, "version" | "n" | "timeMs">;

export type ChangeOf<T extends TableName> = Extract<Change, { readonly table: T }>;

export type Context = {
  /** The state right after the change. */
  readonly tx: ReadTx;
  readonly origin: Origin;
};

export type What = {
  readonly type: (typeof EVENT_TYPES)[number];
  readonly action: string;
  readonly id: string;
  readonly name: string;
  readonly cause: Cause;
  readonly level?: EventLevel;
  readonly message?: string;
  readonly service?: { readonly id: string; readonly name: string };
  readonly node?: { readonly id: string; readonly name: string };
  readonly exitCode?: number | undefined;
};

export function happening({ type, action, id, name, cause, level = "INFO", message = "", ...more }: What): Happening {
  const { service, node, exitCode } = more;
  return {
    type,
    action,
    level,
    id,
    name,
    serviceId: service?.id ?? "",
    serviceName: service?.name ?? "",
    nodeId: node?.id ?? "",
    nodeName: node?.name ?? "",
    cause: { actor: cause.actor, reason: cut(cause.reason) },
    message: cut(message),
    ...(exitCode === undefined ? {} : { exitCode, _exitCode: "exitCode" as const }),
  };
}

/** A node by id as people know it; one that is gone by its id alone. */
export function nodeOf({ tx }: Context, id: string): { readonly id: string; readonly name: string } {
  const node: Node | undefined = id === "" ? undefined : tx.get("node", id);
  return { id, name: node === undefined ? id : nodeName(node) };
}

/** Who asked for the change, or the loop that makes such changes by itself. */
export function actorOr({ origin }: Context, loop: string): string {
  return origin.actor === "" ? loop : origin.actor;
}

/** Whether two parts of rows say the same; parts of rows that were decoded apart are different objects. */
export function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function cut(text: string): string {
  return text.length <= EVENT_TEXT_MAX ? text : `${text.slice(0, EVENT_TEXT_MAX - 1)}…`;
}
