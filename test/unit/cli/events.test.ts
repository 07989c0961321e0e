import { expect } from "chai";
import { Session, type Connector } from "../../../src/cli/command.ts";
import { eventLine, gapText, showEvents, type EventFlags } from "../../../src/cli/events.ts";
import { Output } from "../../../src/cli/output.ts";
import type { Event } from "../../../src/model/index.ts";
import { codec, type Input, type RequestInput, type Response } from "../../../src/proto/load.ts";
import type { AppError } from "../../../src/util/errors.ts";

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

type Asked = RequestInput<"Events.Read">;
type Answer = Partial<Response<"Events.Read">>;

const STOP = new Error("the test has seen enough");

/** What the command asks for and writes, given these answers; after the last one it is stopped. */
async function told(flags: EventFlags, answers: readonly Answer[], format: "table" | "json" = "table") {
  const asked: Asked[] = [];
  const out: string[] = [];
  const err: string[] = [];
  const client = {
    call: (_key: string, request: Asked) => {
      asked.push(request);
      const answer = answers[asked.length - 1];
      return answer === undefined
        ? Promise.reject(STOP)
        : Promise.resolve({ events: [], gaps: [], next: null, hasMore: false, ...answer });
    },
    close: () => undefined,
  };
  const connector = { connect: () => client, connectLocal: () => client } as unknown as Connector;
  const into = (texts: string[]) => ({ write: (text: string | Uint8Array) => texts.push(String(text)) });
  const output = new Output({ format, out: into(out), err: into(err), environment: {} });
  const error: unknown = await showEvents(new Session({}, connector, output), flags).then(
    () => null,
    (failure: unknown) => failure,
  );
  return { asked, out: out.join(""), err: err.join(""), error };
}

const DAY = "2026-03-01T12:00:00Z";
const DAY_MS = Date.parse(DAY);

describe("cli/events: what is asked for", () => {
  it("asks for the last day without a word, and for what --since and --until say as dates, durations and seconds", async () => {
    const before = Date.now();
    const { asked, error } = await told({}, [{}]);
    expect(error).to.equal(null);
    expect(asked).to.have.length(1);
    expect(Number(asked[0]?.sinceMs)).to.be.within(before - 24 * 3_600_000, Date.now() - 24 * 3_600_000);
    expect(asked[0]).to.deep.include({ untilMs: 0, filters: [], consistency: "LINEARIZABLE" });
    const bounded = await told({ since: DAY, until: String(DAY_MS / 1000 + 60) }, [{}]);
    expect(bounded.asked[0]).to.deep.include({ sinceMs: DAY_MS, untilMs: DAY_MS + 60_000 });
    const [recent] = (await told({ since: "10m" }, [{}])).asked;
    expect(Number(recent?.sinceMs)).to.be.closeTo(Date.now() - 600_000, 5000);
    for (const flag of ["since", "until"] as const) {
      const { error: refused } = await told({ [flag]: "yesterday" }, []);
      expect((refused as AppError).message).to.include(`--${flag}`);
    }
  });

  it("hands on every filter, and asks for all pages, each after the one before", async () => {
    const next = { version: 7, n: 1 };
    const filter = ["type=task", "level=error"];
    const { asked, out } = await told({ since: DAY, filter }, [
      { events: [anEvent({ type: "task", action: "failed", id: "a" })], next, hasMore: true },
      { events: [anEvent({ type: "task", action: "failed", id: "b" })] },
    ]);
    expect(asked.map(({ filters }) => filters)).to.deep.equal([filter, filter]);
    expect(asked[1]).to.deep.include({ after: next, sinceMs: DAY_MS });
    expect(asked[1]).to.not.have.property("waitMs");
    expect(
      out
        .trim()
        .split("\n")
        .map((text) => text.split(" ")[3]),
    ).to.deep.equal(["a", "b"]);
  });

  it("follows from now on, or from --since, waiting where there is nothing", async () => {
    const next = { version: 9, n: 0 };
    const live = await told({ follow: true }, [{ next }, { next, events: [anEvent({ id: "new" })] }]);
    expect(live.error).to.equal(STOP);
    expect(live.asked[0]).to.include({ fromNow: true }).and.not.have.property("sinceMs");
    expect(live.asked[1]).to.deep.include({ after: next, waitMs: 5000 });
    expect(live.asked).to.have.length(3);
    expect(live.out).to.include(" new ");
    const from = await told({ follow: true, since: DAY }, [{ next }]);
    expect(from.asked[0]).to.include({ sinceMs: DAY_MS }).and.not.have.property("fromNow");
    expect(from.asked[1]).to.deep.include({ after: next, sinceMs: DAY_MS, waitMs: 5000 });
  });

  it("ends to follow when the time of --until has passed", async () => {
    const { asked, error } = await told({ follow: true, since: DAY, until: DAY }, [{}, {}]);
    expect([asked.length, error]).to.deep.equal([1, null]);
  });

  it("says what is missing at its place: on standard error for people, as an object for programs", async () => {
    const gap = { afterVersion: 1, upToVersion: 9, upToMs: DAY_MS, expired: true };
    const answers = [{ events: [anEvent({ version: 10, type: "node", action: "down" })], gaps: [gap] }];
    const people = await told({}, answers);
    expect(people.err).to.match(/^Events up to 2026-03-01T12:00:00\.000Z are kept no longer/);
    expect(people.out.split("\n")).to.have.length(2);
    const [first, second] = (await told({}, answers, "json")).out
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text) as object);
    expect(first).to.deep.include({ type: "gap", upToVersion: 9, time: "2026-03-01T12:00:00.000Z" });
    expect(second).to.deep.include({ type: "node", action: "down", version: 10 });
  });

  it("shows whole ids with --no-trunc", async () => {
    const answers = [{ events: [anEvent({ id: "0123456789abcdef" })] }];
    expect((await told({ trunc: false }, answers)).out).to.include(" 0123456789abcdef ");
    expect((await told({}, answers)).out).to.include(" 0123456789ab ");
  });
});
