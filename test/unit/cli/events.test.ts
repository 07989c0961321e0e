import { expect } from "chai";
import { eventLine, gapText } from "../../../src/cli/events.ts";
import type { Event } from "../../../src/model/index.ts";
import { codec, type Input } from "../../../src/proto/load.ts";

function anEvent(part: Input<"Event">): Event {
  const type = codec("Event");
  return type.decode(type.encode({ version: 7, timeMs: 1_772_366_400_000, ...part }));
}

const line = (part: Input<"Event">, isShort = true): string =>
  eventLine(anEvent(part), { paint: (style, text) => (style === null ? text : `<${style}>${text}`), isShort });

describe("cli/events", () => {
  it("writes an event as docker does: time, type, what, id, attributes; then why", () => {
    const failed = {
      type: "task",
      action: "failed",
      level: "ERROR",
      id: "0123456789abcdef",
      name: "web.1",
      nodeId: "n1",
      nodeName: "west",
      exitCode: 3,
      cause: { actor: "node:n1", reason: "exited" },
      message: "exit code 3",
    } as const;
    expect(line(failed)).to.equal(
      "2026-03-01T12:00:00.000Z task <red>failed 0123456789ab (name=web.1, node=west, exitCode=3, actor=node:west) exit code 3: exited",
    );
    expect(line(failed, false)).to.include(" 0123456789abcdef (");
  });

  it("leaves out what is empty, and lets no text of others break the line", () => {
    const cause = { actor: "user:ada", reason: "two\nlines\u001b[31m" };
    expect(line({ type: "node", action: "drained", id: "n1", name: "west", nodeName: "west", cause })).to.equal(
      "2026-03-01T12:00:00.000Z node drained n1 (name=west, actor=user:ada) two lines[31m",
    );
  });

  it("says why events are missing, and what helps", () => {
    const gap = { afterVersion: 1, upToVersion: 9, upToMs: 1_772_366_400_000 };
    expect(gapText({ ...gap, expired: true })).to.match(/^Events up to 2026-03-01T12:00:00\.000Z .*--events-kept-for/);
    expect(gapText({ ...gap, expired: false })).to.match(/^Some events up to 2026-03-01.*snapshot/);
  });
});
