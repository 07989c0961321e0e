import { expect } from "chai";
import { MISSED_COUNTED_MAX } from "../../../../src/manager/orchestrator/cron.ts";
import { RUN_GAPS_KEPT, RUNS_OPEN_MAX } from "../../../../src/model/run.ts";
import type { Cron, Run, Task } from "../../../../src/model/index.ts";
import { cron, node, service, spec } from "../../../support/loops/objects.ts";
import type { JobPart, SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("manager/orchestrator: cron", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2");
    world.behave = () => ({ exits: { afterMs: 1000, code: 0 } });
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const schedule = (part: Partial<Cron> = {}, template: JobPart = {}, task: SpecPart = {}): void =>
    world.putService(
      service("web", { mode: cron(part, template), task: spec({ restart: { condition: "NONE" }, ...task }) }),
    );
  const newest = (): Run | undefined => world.runs().at(-1);
  const states = (): string[] => world.runs().map(({ state }) => state);
  /** UTC, as HH:MM:SS. */
  const at = ({ scheduledAtMs }: Run): string => new Date(scheduledAtMs).toISOString().slice(11, 19);
  const active = (): readonly Task[] => world.wanted();

  /** The simulated world begins at midnight UTC. */
  async function untilTime(hours: number, minutes: number, seconds = 0): Promise<void> {
    const wallMs = Math.floor(world.env.wallNow() / DAY) * DAY + hours * HOUR + minutes * MINUTE + seconds * 1000;
    await world.run(wallMs - world.env.wallNow());
  }

  it("runs its job at each time, right when it comes", async () => {
    schedule({ schedule: "*/5 * * * *" });
    await untilTime(0, 11);
    expect(world.runs().map(at)).to.deep.equal(["00:05:00", "00:10:00"]);
    for (const run of world.runs()) {
      expect(run.startedAtMs - run.scheduledAtMs).to.be.within(0, 5);
      expect(run).to.deep.include({ state: "SUCCEEDED", completed: 1, exitCode: 0, missedTotal: 0, skippedTotal: 0 });
      expect(run.cause?.actor).to.equal("cron");
    }
  });

  it("follows its time zone", async () => {
    schedule({ schedule: "30 2 * * *", timeZone: "Europe/Berlin" });
    await untilTime(2, 0);
    expect(world.runs().map(at)).to.deep.equal(["01:30:00"]);
  });

  it("fires every few seconds if it is told to", async () => {
    world.behave = () => ({ exits: { afterMs: 500, code: 0 } });
    schedule({ schedule: "*/10 * * * * *" });
    await untilTime(0, 0, 35);
    expect(world.runs().map(at)).to.deep.equal(["00:00:10", "00:00:20", "00:00:30"]);
  });

  it("runs the whole template each time, with its retries and by its timeout", async () => {
    world.behave = ({ slot }) => ({ exits: { afterMs: 100, code: slot === 2 ? 4 : 0 } });
    schedule(
      { schedule: "* * * * *" },
      { total: 3, concurrent: 2 },
      { restart: { condition: "ON_FAILURE", maxAttempts: 1 } },
    );
    await untilTime(0, 1, 30);
    expect(newest()).to.deep.include({ state: "FAILED", wanted: 3, completed: 2, failures: 2, exitCode: 4 });
  });

  it("runs on every node if its template does", async () => {
    const policy = { deadlineMs: 0, taskTimeoutMs: 0 };
    schedule({ job: "global", global: { policy } });
    await untilTime(0, 1, 30);
    expect(newest()).to.deep.include({ state: "SUCCEEDED", wanted: 2, completed: 2 });
    world.addNodes("n3");
    await world.run(10_000);
    expect(world.runs(), "a run that is over stays over").to.have.length(1);
    await untilTime(0, 2, 30);
    expect(newest()).to.deep.include({ number: 2, completed: 3 });
  });

  it("uses the spec of the moment: a run in progress goes on with the one it began with", async () => {
    world.behave = () => ({ exits: { afterMs: 30_000, code: 0 } });
    schedule({});
    await untilTime(0, 1, 10);
    schedule({}, {}, { image: "web:2" });
    await untilTime(0, 2, 10);
    expect(world.runs().map(({ revision, state }) => [revision, state])).to.deep.equal([
      [1, "SUCCEEDED"],
      [2, "RUNNING"],
    ]);
    expect(new Set(world.tasks().map(({ run, revision }) => `${run}:${revision}`))).to.deep.equal(
      new Set(["1:1", "2:2"]),
    );
  });

  describe("a time that comes while a run is open", () => {
    beforeEach(() => {
      world.behave = () => ({ exits: { afterMs: 150_000, code: 0 } });
    });

    it("is skipped, and those in a row are one entry of the history", async () => {
      schedule({ overlap: "SKIP" });
      await untilTime(0, 3, 10);
      expect(states()).to.deep.equal(["RUNNING", "SKIPPED"]);
      expect(newest()).to.deep.include({ times: 2, skippedTotal: 2, message: "the run before was open" });
      expect(active()).to.have.length(1);
      await untilTime(0, 4, 10);
      expect(states()).to.deep.equal(["SUCCEEDED", "SKIPPED", "RUNNING"]);
    });

    it("takes the open run's place", async () => {
      schedule({ overlap: "REPLACE" });
      await untilTime(0, 3, 10);
      expect(states()).to.deep.equal(["STOPPED", "STOPPED", "RUNNING"]);
      expect(world.runs()[0]!.message).to.equal("run 2 took its place");
      expect(active().map(({ run }) => run)).to.deep.equal([3]);
    });

    it("starts another run beside it", async () => {
      schedule({ overlap: "ALLOW" });
      await untilTime(0, 3, 10);
      expect(states()).to.deep.equal(["RUNNING", "RUNNING", "RUNNING"]);
      expect(active().map(({ run, slot }) => [run, slot])).to.deep.equal([
        [1, 1],
        [2, 1],
        [3, 1],
      ]);
      await untilTime(0, 3, 45);
      expect(states()).to.deep.equal(["SUCCEEDED", "RUNNING", "RUNNING"]);
    });

    it("is skipped all the same when too many are open", async () => {
      world.behave = () => ({});
      schedule({ overlap: "ALLOW", schedule: "*/10 * * * * *" });
      await untilTime(0, 4);
      expect(world.runs().filter(({ state }) => state === "RUNNING")).to.have.length(RUNS_OPEN_MAX);
      expect(newest()).to.deep.include({ state: "SKIPPED", message: `${RUNS_OPEN_MAX} runs were open` });
    });
  });

  describe("times nobody could run", () => {
    const leaderless = async (ms: number): Promise<void> => {
      await world.stopLoops();
      await world.run(ms);
      await world.changeLeader();
      await world.run(100);
    };

    it("are made up for once, by the latest, and the others counted", async () => {
      schedule({ schedule: "*/5 * * * *" });
      await untilTime(0, 5, 30);
      await leaderless(23 * MINUTE);
      expect(world.runs().map((run) => [run.state, at(run), run.times])).to.deep.equal([
        ["SUCCEEDED", "00:05:00", 0],
        ["MISSED", "00:20:00", 3],
        ["RUNNING", "00:25:00", 0],
      ]);
      expect(newest()!.missedTotal).to.equal(3);
    });

    it("are all missed when the latest is too long ago", async () => {
      schedule({ schedule: "0 * * * *", startingDeadlineMs: 10 * MINUTE });
      await untilTime(0, 30);
      await leaderless(3 * HOUR);
      expect(world.runs().map((run) => [run.state, at(run), run.times])).to.deep.equal([["MISSED", "03:00:00", 3]]);
      expect(world.tasks()).to.have.length(0);
      await untilTime(4, 0, 30);
      expect(newest()).to.deep.include({ state: "SUCCEEDED", missedTotal: 3 });
    });

    it("of a day are counted, and grow one entry", async () => {
      schedule({});
      await untilTime(0, 0, 30);
      await leaderless(DAY);
      await world.until(() => newest()?.state === "RUNNING", "it caught up");
      expect(world.runs().map(({ state, times }) => [state, times])).to.deep.equal([
        ["MISSED", 1439],
        ["RUNNING", 0],
      ]);
    });

    it("are passed over beyond a bound", async () => {
      schedule({ schedule: "* * * * * *" });
      await world.run(100);
      await leaderless(3 * HOUR);
      await world.until(() => newest()?.state === "RUNNING", "it caught up");
      expect(world.runs()[0]).to.deep.include({ state: "MISSED", times: MISSED_COUNTED_MAX });
    });
  });

  describe("never doubles a run", () => {
    /** Every run that was ever stored, by the time it is for. */
    function watchRuns(): ReadonlyMap<number, ReadonlySet<string>> {
      const byTime = new Map<number, Set<string>>();
      world.store.onSpeculative((changes) => {
        for (const change of changes) {
          if (change.table !== "run" || change.after === undefined || change.after.state !== "RUNNING") continue;
          const { scheduledAtMs, id } = change.after;
          byTime.set(scheduledAtMs, (byTime.get(scheduledAtMs) ?? new Set()).add(id));
        }
      });
      return byTime;
    }

    it("whichever manager leads when its time comes", async () => {
      const byTime = watchRuns();
      schedule({});
      await untilTime(0, 0, 59);
      for (let round = 0; round < 20; round += 1) {
        await world.run(100);
        await world.changeLeader();
      }
      await untilTime(0, 1, 30);
      expect([...byTime.values()].map(({ size }) => size)).to.deep.equal([1]);
      expect(states()).to.deep.equal(["SUCCEEDED"]);
    });

    for (const jumpMs of [DAY, -DAY]) {
      it(`when the wall clock jumps by ${jumpMs / DAY} day, under one leader and at a change`, async () => {
        const byTime = watchRuns();
        schedule({ schedule: "0 * * * *" });
        await untilTime(1, 30);
        world.env.wallSkewMs += jumpMs;
        await world.run(HOUR);
        expect(byTime.size, "cluster time goes on as before").to.equal(2);
        await world.changeLeader();
        await world.run(2 * HOUR);
        expect([...byTime.values()].every(({ size }) => size === 1)).to.equal(true);
        const ran = [...byTime.keys()];
        expect(ran.toSorted((a, b) => a - b)).to.deep.equal(ran);
        expect(byTime.size).to.equal(4);
      });
    }

    it("when its schedule is changed and changed back within a minute", async () => {
      const byTime = watchRuns();
      schedule({ schedule: "*/2 * * * *" });
      await untilTime(0, 2, 10);
      schedule({ schedule: "*/5 * * * *" });
      await world.run(10_000);
      schedule({ schedule: "*/2 * * * *" });
      await untilTime(0, 4, 30);
      expect([...byTime.values()].map(({ size }) => size)).to.deep.equal([1, 1]);
    });
  });

  it("is run by hand between its times, also while it is suspended", async () => {
    schedule({ suspended: true });
    await untilTime(0, 1, 30);
    world.runNow();
    await world.run(5000);
    expect(world.runs().map(({ state, scheduledAtMs }) => [state, scheduledAtMs])).to.deep.equal([["SUCCEEDED", 0]]);
    world.runNow();
    await world.run(5000);
    expect(states()).to.deep.equal(["SUCCEEDED", "SUCCEEDED"]);
  });

  it("does nothing while it is suspended, and makes up for none of it", async () => {
    schedule({});
    await untilTime(0, 1, 30);
    schedule({ suspended: true });
    await untilTime(0, 5, 30);
    expect(world.runs()).to.have.length(1);
    // Control writes where the schedule goes on from; the planner believes it.
    schedule({});
    void world.store.update((tx) => tx.put("service", { ...tx.get("service", "web")!, scheduledFromMs: tx.timeMs }));
    await untilTime(0, 6, 30);
    expect(world.runs().map(at)).to.deep.equal(["00:01:00", "00:06:00"]);
  });

  it("remembers each kind of run up to its limit, with its tasks, and nothing of the others", async () => {
    world.behave = ({ run }) => ({ exits: { afterMs: 100, code: run % 3 === 0 ? 1 : 0 } });
    schedule({}, { runsSucceededKept: 3, runsFailedKept: 2 });
    await untilTime(0, 20, 30);
    expect(world.runs().map(({ number, state }) => [number, state])).to.deep.equal([
      [15, "FAILED"],
      [17, "SUCCEEDED"],
      [18, "FAILED"],
      [19, "SUCCEEDED"],
      [20, "SUCCEEDED"],
    ]);
    expect(world.tasks().map(({ run }) => run)).to.deep.equal([15, 17, 18, 19, 20]);
  });

  it("remembers no run but the newest where it is told to keep none, and five where it is told nothing", async () => {
    schedule({}, { runsSucceededKept: 0 });
    await untilTime(0, 8, 30);
    expect(world.runs().map(({ number }) => number)).to.deep.equal([8]);
    schedule();
    await untilTime(0, 20, 30);
    expect(world.runs().map(({ number }) => number)).to.deep.equal([16, 17, 18, 19, 20]);
  });

  it("runs no time twice, and misses none, after runs by hand took the place of all others", async () => {
    schedule({}, { runsSucceededKept: 1 });
    world.behave = () => ({ exits: { afterMs: 100, code: 0 } });
    await untilTime(0, 3, 20);
    for (let count = 0; count < 3; count += 1) {
      world.runNow();
      await world.run(2_000);
    }
    await untilTime(0, 4, 30);
    const times = world.runs().filter(({ scheduledAtMs }) => scheduledAtMs > 0);
    expect(times.map(at)).to.deep.equal(["00:04:00"]);
    expect(world.runs().map(({ state, missedTotal }) => [state, missedTotal])).to.deep.equal([["SUCCEEDED", 0]]);
  });

  it("remembers so many gaps, but goes on counting", async () => {
    let isBusy = true;
    world.behave = () => ({ exits: { afterMs: isBusy ? 70_000 : 100, code: 0 } });
    schedule({}, { runsSucceededKept: 100 });
    await untilTime(0, 41, 30);
    isBusy = false;
    await untilTime(0, 44, 30);
    expect(world.runs().filter(({ state }) => state === "SKIPPED")).to.have.length(RUN_GAPS_KEPT);
    expect(newest()!.skippedTotal).to.be.greaterThan(RUN_GAPS_KEPT);
  });

  it("that was removed leaves nothing behind, in the middle of a run", async () => {
    world.behave = () => ({});
    schedule({});
    await untilTime(0, 1, 10);
    world.removeService();
    await world.until(() => world.tasks().length === 0 && world.runs().length === 0, "nothing is left");
    await world.run(5 * MINUTE);
    expect(world.runs()).to.have.length(0);
  });

  it("waits for a node that can take its tasks, up to the deadline of its run", async () => {
    world.putNode(node("n1", { memoryMiB: 1 }));
    world.putNode(node("n2", { memoryMiB: 1 }));
    schedule({}, { deadlineMs: 90_000 }, { memoryMiB: 100 });
    await untilTime(0, 3, 10);
    expect(states()).to.deep.equal(["TIMED_OUT", "SKIPPED", "RUNNING"]);
  });
});
