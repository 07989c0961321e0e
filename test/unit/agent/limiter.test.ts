import { expect } from "chai";
import { Limiter } from "../../../src/agent/limiter.ts";
import { startTicks } from "../../../src/agent/boot-id.ts";
import { isAppError } from "../../../src/util/errors.ts";
import { settle } from "../../support/sim-env.ts";

describe("agent/limiter", () => {
  it("runs at most so many at once, in order, and hands places on after failures and cancellations", async () => {
    const limiter = new Limiter(2);
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const aborter = new AbortController();
    const none = new AbortController().signal;
    const run = (id: number, signal = none): Promise<void> =>
      limiter.run(signal, () => {
        started.push(id);
        return new Promise((resolve, reject) => ends.push(id === 0 ? () => reject(new Error("fails")) : resolve));
      });
    const first = run(0).catch(() => "failed");
    const others = [run(1), run(2, aborter.signal).catch((error: unknown) => isAppError(error, "cancelled")), run(3)];
    await settle();
    expect(started).to.deep.equal([0, 1]);
    aborter.abort();
    ends[0]?.();
    expect(await first).to.equal("failed");
    expect(await others[1]).to.equal(true);
    await settle();
    expect(started).to.deep.equal([0, 1, 3]);
    for (const end of ends) end();
    await Promise.all(others);
    expect(await limiter.run(none, () => Promise.resolve("free"))).to.equal("free");
  });

  it("lets others in while one waits outside, and gives back no place that it does not hold", async () => {
    const limiter = new Limiter(1);
    const none = new AbortController().signal;
    const told: string[] = [];
    let arrive = (): void => undefined;
    const pulled = new Promise<void>((resolve) => (arrive = resolve));
    const waiting = limiter.run(none, async (outside) => {
      await outside(() => pulled);
      told.push("went on");
    });
    await limiter.run(none, async () => {
      told.push("another");
      arrive();
      await settle();
      expect(told, "one at a time").to.deep.equal(["another"]);
    });
    await waiting;
    const failing = limiter.run(none, (outside) => outside(() => Promise.reject(new Error("fails"))));
    expect(await failing.catch(() => "failed")).to.equal("failed");
    let running = 0;
    const alone = async (): Promise<void> => {
      running += 1;
      await settle();
      expect(running).to.equal(1);
      running -= 1;
    };
    await Promise.all([limiter.run(none, alone), limiter.run(none, alone)]);
    expect(told).to.deep.equal(["another", "went on"]);
  });
});

describe("agent/boot-id", () => {
  it("finds the start time behind a name with spaces and parentheses", () => {
    const fields = Array.from({ length: 50 }, (_, at) => String(at + 3));
    expect(startTicks(`1 (a (b) c) ${fields.join(" ")}`)).to.equal("22");
  });
});
