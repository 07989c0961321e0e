import { expect } from "chai";
import { FORCED_DEADLINE_MS, LEAVE_DEADLINE_MS, leaveRaft } from "../../../src/daemon/leave.ts";
import { rpc } from "../../../src/proto/load.ts";
import { AppError } from "../../../src/util/errors.ts";
import { FakeReplica } from "../../support/control/control-rig.ts";
import { expectCode } from "../../support/expect-code.ts";
import { Sim } from "../../support/sim-env.ts";

const ANSWER = rpc("Raft.Leave").encodeResponse({});

/** Manager m1 of m1, m2 and m3 wants to leave. */
class Rig {
  readonly sim = new Sim(1);
  readonly replica = new FakeReplica();
  readonly asked: string[] = [];
  transfers = 0;
  answer: () => Promise<Uint8Array> = () => Promise.resolve(ANSWER);

  constructor(leader: string | null) {
    this.leaderIs(leader);
    this.replica.transferLeadership = () => {
      this.transfers += 1;
      this.leaderIs("m3");
      return Promise.resolve();
    };
  }

  leaderIs(id: string | null): void {
    this.replica.leaderInfo = id === null ? null : { id, address: `${id}:7377`, term: 1 };
  }

  async leave(force = false): Promise<void> {
    const left = leaveRaft(
      {
        env: this.sim.env("m1"),
        replica: this.replica,
        dialer: {
          dial: (address) => ({
            unary: () => {
              this.asked.push(address);
              return this.answer();
            },
            stream: () => {
              throw new Error("not used");
            },
            close: () => undefined,
          }),
        },
      },
      { nodeId: "m1", force },
    );
    await this.sim.resolve(left, { timeoutMs: 60_000, what: "leaving" });
  }
}

describe("daemon/leave", () => {
  it("asks the leader to let it go", async () => {
    const rig = new Rig("m2");
    await rig.leave();
    expect(rig.asked).to.deep.equal(["m2:7377"]);
  });

  it("hands leadership over first, and asks who has it then", async () => {
    const rig = new Rig("m1");
    await rig.leave();
    expect([rig.transfers, rig.asked]).to.deep.equal([1, ["m3:7377"]]);
  });

  it("waits through an election, and asks again whatever was unclear", async () => {
    const rig = new Rig(null);
    const errors = (["not-leader", "unavailable", "unknown-outcome", "deadline"] as const).map(
      (code) => new AppError(code, code),
    );
    rig.answer = () => {
      const error = errors.shift();
      return error === undefined ? Promise.resolve(ANSWER) : Promise.reject(error);
    };
    rig.sim.schedule(3000, () => rig.leaderIs("m2"));
    await rig.leave();
    expect(rig.asked).to.have.length(5);
  });

  it("hears a refusal at once, and the lack of a quorum after its deadline", async () => {
    const rig = new Rig("m2");
    rig.answer = () => Promise.reject(new AppError("precondition", "would lose the quorum"));
    expect((await expectCode(rig.leave(), "precondition")).message).to.match(/quorum/);
    expect(rig.asked).to.have.length(1);
    const alone = new Rig(null);
    const error = await expectCode(alone.leave(), "unavailable");
    expect(error.details.next).to.match(/--force/);
    expect(alone.sim.now).to.be.within(LEAVE_DEADLINE_MS, LEAVE_DEADLINE_MS + 200);
  });

  it("does not let the last manager go, unless forced", async () => {
    const rig = new Rig("m1");
    rig.replica.config = { members: rig.replica.config.members.slice(0, 1) };
    await expectCode(rig.leave(), "precondition");
    await rig.leave(true);
    expect(rig.asked).to.deep.equal([]);
  });

  it("goes by force whatever the others say, soon", async () => {
    const rig = new Rig(null);
    await rig.leave(true);
    expect(rig.sim.now).to.be.within(FORCED_DEADLINE_MS, FORCED_DEADLINE_MS + 200);
    const refused = new Rig("m2");
    refused.answer = () => Promise.reject(new AppError("precondition", "no"));
    await refused.leave(true);
  });
});
