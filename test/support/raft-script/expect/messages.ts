/** Facts about what was sent. Patterns: `matches` in words.ts; with none, any message at all. */
import type { Message } from "../../../../src/raft/types.ts";
import { matches, messageLine } from "../words.ts";
import type { Expectations } from "./expectation.ts";

export const messageExpectations: Expectations = {
  /** `expect message 2->1 append-reply ok index=3`: by the command before. */
  message({ sent }, args) {
    const pattern = args.rest();
    if (!sent.last.some((message) => matches(message, pattern))) {
      throw new Error(`Expected ${pattern.join(" ")} to be sent\n${listed(sent.last)}`);
    }
  },

  /** `expect no-message vote`: by the command before. */
  "no-message"({ sent }, args) {
    none(sent.last, args.rest());
  },

  /** `expect never vote-reply 2->3`: since the script began. */
  never({ sent }, args) {
    none(sent.ever, args.rest());
  },

  /** `expect count 7 append 1->3`, `expect count <=7 append 1->3`: since the last `mark`. */
  count({ sent }, args) {
    const limit = args.next("How many");
    const pattern = args.rest();
    const count = sent.marked.filter((message) => matches(message, pattern)).length;
    const isRight = limit.startsWith("<=") ? count <= Number(limit.slice(2)) : count === Number(limit);
    if (!isRight) throw new Error(`Expected ${limit} of ${pattern.join(" ")}, there were ${count}`);
  },
};

function none(sent: readonly Message[], pattern: readonly string[]): void {
  const found = sent.filter((message) => matches(message, pattern));
  if (found.length > 0) throw new Error(`Expected no ${pattern.join(" ") || "message"}\n${listed(found)}`);
}

function listed(messages: readonly Message[]): string {
  return messages.map((message) => `  ${messageLine(message)}`).join("\n") || "  nothing was sent";
}
