import { expect } from "chai";
import { LEADER_WAIT_MS, LeaderForwarder } from "../../../../src/manager/control/forward.ts";
import { refusedForwarder } from "../../../../src/proto/grpc-forward.ts";
import type { CallContext, CallOptions, Channel } from "../../../../src/proto/rpc.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { ADMIN, FakeReplica } from "../../../support/control/control-rig.ts";
import { expectCode } from "../../../support/expect-code.ts";
import { Sim } from "../../../support/sim-env.ts";

const PATH = "/shoal.v1.Control/CreateService";
const ANSWER = Uint8Array.of(42);

class Rig {
  readonly sim = new Sim(1);
  readonly replica = new FakeReplica();
  /** Forwarded calls, as `address path`. */
  readonly sent: string[] = [];
  readonly options: CallOptions[] = [];
  readonly served: CallContext[] = [];
  readonly dialled: string[] = [];
  readonly closed: string[] = [];
  answer: (address: string) => Promise<Uint8Array> = () => Promise.resolve(ANSWER);
  serve: () => Promise<Uint8Array> = () => Promise.resolve(ANSWER);
  readonly forwarder: LeaderForwarder;

  constructor() {
    this.replica.isLeading = false;
    this.replica.leaderInfo = { id: "m2", address: "m2:7377", term: 1 };
    this.forwarder = new LeaderForwarder({
      env: this.sim.env("m1"),
      replica: this.replica,
      dialer: { dial: (address) => this.#channel(address) },
      serveHere: (_path, _request, context) => {
        this.served.push(context);
        return this.serve();
      },
    });
  }

  #channel(address: string): Channel {
    this.dialled.push(address);
    return {
      unary: (path, _request, options) => {
        if (path !== PATH) return Promise.resolve(Uint8Array.of());
        this.sent.push(address);
        this.options.push(options);
        return this.answer(address);
      },
      stream: () => {
        throw new Error("not used");
      },
      close: () => this.closed.push(address),
    };
  }

  async call(context: Partial<CallContext> = {}): Promise<Uint8Array> {
    const whole = {
      caller: ADMIN,
      signal: new AbortController().signal,
      deadlineMs: undefined,
      forwarded: false,
      ...context,
    };
    return await this.forwarder.forward(PATH, Uint8Array.of(1), whole);
  }

  leaderIs(id: string | null): void {
    this.replica.leaderInfo = id === null ? null : { id, address: `${id}:7377`, term: 2 };
    this.replica.statusChanged();
  }

  async settle<T>(promise: Promise<T>, timeoutMs = 60_000): Promise<T> {
    return await this.sim.resolve(promise, { timeoutMs, what: "the call" });
  }
}

describe("manager/control/forward", () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  it("sends a call to the leader on its caller's behalf, with what is left of the deadline", async () => {
    expect(await rig.settle(rig.call({ deadlineMs: 2000 }))).to.deep.equal(ANSWER);
    expect(rig.sent).to.deep.equal(["m2:7377"]);
    expect(rig.options[0]?.onBehalfOf).to.deep.equal(ADMIN);
    expect(rig.options[0]?.deadlineMs).to.equal(2000);
  });

  it("waits through an election, and goes on the moment it is over", async () => {
    rig.leaderIs(null);
    const answer = rig.call({ deadlineMs: 5000 });
    await rig.sim.run(1234);
    expect(rig.sent).to.deep.equal([]);
    rig.leaderIs("m3");
    await rig.sim.run(0);
    expect(rig.sent).to.deep.equal(["m3:7377"]);
    expect(rig.options[0]?.deadlineMs).to.equal(5000 - 1234);
    await answer;
  });

  it("says that there is no quorum, before its caller's own deadline", async () => {
    rig.leaderIs(null);
    const from = rig.sim.now;
    const error = await rig.settle(expectCode(rig.call({ deadlineMs: 1000 }), "unavailable"));
    expect(error.message).to.match(/No quorum/);
    expect(error.details.next).to.match(/STALE/);
    expect(rig.sim.now - from).to.be.within(650, 900);
    await rig.settle(expectCode(rig.call(), "unavailable"));
    expect(rig.sim.now).to.be.within(LEADER_WAIT_MS, LEADER_WAIT_MS + 1200);
  });

  it("asks again who said that it does not lead, or was never reached", async () => {
    const refusals = [
      new AppError("not-leader", "not me"),
      new AppError("unavailable", "Cannot reach m2", { sent: "no" }),
    ];
    for (const refusal of refusals) {
      rig = new Rig();
      rig.answer = (address) => (address === "m2:7377" ? Promise.reject(refusal) : Promise.resolve(ANSWER));
      const answer = rig.call();
      await rig.sim.run(300);
      rig.leaderIs("m3");
      expect(await rig.settle(answer)).to.deep.equal(ANSWER);
      expect(rig.sent.at(-1)).to.equal("m3:7377");
    }
  });

  it("never repeats a call that may have been executed", async () => {
    const doubts = [
      new AppError("unavailable", "The connection broke", { sent: "maybe" }),
      new AppError("unavailable", "who knows"),
      new AppError("deadline", "too late"),
      new AppError("unknown-outcome", "who knows"),
      new AppError("internal", "a bug"),
    ];
    for (const doubt of doubts) {
      rig = new Rig();
      rig.answer = () => Promise.reject(doubt);
      expect(await rig.settle(expectCode(rig.call(), doubt.code))).to.equal(doubt);
      expect(rig.sent).to.have.length(1);
    }
  });

  it("does not let its callers pay for being no manager any more: they ask another", async () => {
    rig.answer = () =>
      Promise.reject(refusedForwarder(new AppError("denied", "Node m1 is no manager of this cluster")));
    const error = await rig.settle(expectCode(rig.call(), "unavailable"), 0);
    expect(error.message).to.include("no manager of this cluster");
    expect(error.details).to.include({ sent: "no", next: "ask another manager" });
    // What the caller itself may not do stays its own.
    rig.answer = () => Promise.reject(new AppError("denied", "may not be called by node:w1"));
    await rig.settle(expectCode(rig.call(), "denied"));
  });

  it("hands on what the leader decided", async () => {
    rig.answer = () => Promise.reject(new AppError("invalid", "spec.name: is missing", { path: "spec.name" }));
    const error = await rig.settle(expectCode(rig.call(), "invalid"));
    expect(error.details.path).to.equal("spec.name");
  });

  it("serves the call itself if this manager becomes the leader meanwhile, and then goes no further", async () => {
    rig.leaderIs(null);
    const answer = rig.call();
    await rig.sim.run(500);
    rig.replica.isLeading = true;
    rig.leaderIs("m1");
    expect(await rig.settle(answer)).to.deep.equal(ANSWER);
    expect(rig.served.map(({ forwarded, caller }) => [forwarded, caller])).to.deep.equal([[true, ADMIN]]);
    expect(rig.sent).to.deep.equal([]);
  });

  it("finds the next leader when this one is deposed in the middle", async () => {
    rig.replica.isLeading = true;
    rig.leaderIs("m1");
    rig.serve = () => Promise.reject(new AppError("not-leader", "deposed"));
    const answer = rig.call();
    await rig.sim.run(200);
    rig.replica.isLeading = false;
    rig.leaderIs("m3");
    expect(await rig.settle(answer)).to.deep.equal(ANSWER);
    expect(rig.sent).to.deep.equal(["m3:7377"]);
    rig.serve = () => Promise.reject(new AppError("unknown-outcome", "who knows"));
    rig.replica.isLeading = true;
    await rig.settle(expectCode(rig.call(), "unknown-outcome"));
  });

  it("lets what waits for a leader through while this manager stops, and sends what comes then elsewhere", async () => {
    rig.leaderIs(null);
    const waiting = rig.call();
    const drained = rig.forwarder.drain();
    expect((await rig.settle(expectCode(rig.call(), "unavailable"))).message).to.match(/stopping/);
    rig.leaderIs("m3");
    expect(await rig.settle(waiting)).to.deep.equal(ANSWER);
    await rig.settle(drained, 100);
    expect(rig.sent).to.deep.equal(["m3:7377"]);
  });

  it("stops waiting when its caller goes away, or this manager stops", async () => {
    rig.leaderIs(null);
    const caller = new AbortController();
    const left = expectCode(rig.call({ signal: caller.signal }), "cancelled");
    await rig.sim.run(100);
    caller.abort();
    await rig.settle(left, 1);
    const stopped = expectCode(rig.call(), "unavailable");
    rig.forwarder.close();
    expect((await rig.settle(stopped, 200)).message).to.match(/stopping/);
  });

  it("keeps one connection a manager, warm from the start, and drops those of members that left", async () => {
    rig.forwarder.start();
    expect(rig.dialled).to.have.members(["m2:7377", "m3:7377"]);
    await rig.settle(rig.call());
    rig.leaderIs("m3");
    await rig.settle(rig.call());
    expect(rig.dialled).to.have.length(2);
    expect(rig.closed, "calls to the former leader may still be answered").to.deep.equal([]);
    rig.replica.config = { members: rig.replica.config.members.filter(({ id }) => id !== "m2") };
    rig.leaderIs("m3");
    expect(rig.closed).to.deep.equal(["m2:7377"]);
    rig.forwarder.close();
    expect(rig.closed).to.have.members(["m2:7377", "m3:7377"]);
  });

  it("tells a caller whose call its own stop cut short that the outcome is unknown, not that it was cancelled", async () => {
    const rig = new Rig();
    let cut: (error: AppError) => void = () => undefined;
    rig.answer = () => new Promise((_resolve, reject) => (cut = reject));
    const waiting = rig.call();
    rig.forwarder.close();
    cut(new AppError("cancelled", `${PATH} was cancelled`));
    await expectCode(waiting, "unknown-outcome");
  });

  it("leaves a caller that cancelled by itself alone with that", async () => {
    const rig = new Rig();
    const caller = new AbortController();
    rig.answer = () => {
      caller.abort();
      return Promise.reject(new AppError("cancelled", `${PATH} was cancelled`));
    };
    await expectCode(rig.call({ signal: caller.signal }), "cancelled");
  });
});
