import { expect } from "chai";
import { ClusterClock } from "../../../src/manager/cluster-clock.ts";
import type { ChangeSet } from "../../../src/store/types.ts";
import type { Status } from "../../../src/raft/types.ts";
import { ManualEnv } from "../../support/store/fake-log.ts";

const DAY_MS = 86_400_000;

class Rig {
  readonly env = new ManualEnv();
  leader: { readonly id: string; readonly address: string; readonly term: number } | null = null;
  applied = 0;
  commit = 0;
  readonly clock: ClusterClock;
  #look: () => void = () => undefined;
  #commit: (set: ChangeSet) => void = () => undefined;

  constructor() {
    const unsubscribe = (): void => undefined;
    this.clock = new ClusterClock({
      env: this.env,
      looks: {
        onLook: (listener) => {
          this.#look = listener;
          return unsubscribe;
        },
      },
      store: {
        onCommit: (listener) => {
          this.#commit = listener;
          return unsubscribe;
        },
      },
      replica: {
        leader: () => this.leader,
        status: () => ({ applied: this.applied, commit: this.commit }) as unknown as Status,
      },
    });
    this.clock.start();
  }

  /** So many looks, 250 ms apart. */
  looks(count: number): void {
    for (let at = 0; at < count; at += 1) {
      this.env.advance(250);
      this.#look();
    }
  }

  applies(version: number, timeMs: number): void {
    this.applied = version;
    this.commit = Math.max(this.commit, version);
    this.#commit({ version, timeMs, changes: [], restored: false, origin: null });
  }
}

function following(): Rig {
  const rig = new Rig();
  rig.leader = { id: "m2", address: "m2:7377", term: 3 };
  rig.looks(2);
  return rig;
}

describe("manager/cluster-clock", () => {
  it("is the wall clock for who never followed anybody", () => {
    const rig = new Rig();
    rig.env.wall += DAY_MS;
    expect(rig.clock.now()).to.equal(rig.env.wall);
  });

  it("goes on from what the leader wrote, whatever the own wall clock says", () => {
    const rig = following();
    rig.applies(7, 5_000_000);
    rig.env.advance(1234);
    rig.env.wall += DAY_MS;
    expect(rig.clock.now()).to.equal(5_001_234);
    rig.env.wall -= 3 * DAY_MS;
    expect(rig.clock.now()).to.equal(5_001_234);
  });

  it("does not take the time of old entries for the time of day", () => {
    const rig = new Rig();
    rig.applies(5, 1_000);
    rig.leader = { id: "m2", address: "m2:7377", term: 3 };
    rig.commit = 9;
    rig.looks(3);
    rig.applies(9, 2_000);
    expect(rig.clock.now(), "caught up, with entries of who knows when").to.equal(rig.env.wall);
    rig.looks(1);
    rig.applies(10, 9_000_000);
    expect(rig.clock.now()).to.equal(9_000_000);
  });

  it("believes another manager before its own wall clock, and the entries before both", () => {
    const rig = new Rig();
    expect(rig.clock.known()).to.equal(0);
    rig.clock.heard(7_000_000);
    rig.clock.heard(8_000_000);
    rig.env.advance(500);
    expect(rig.clock.known()).to.equal(7_000_500);
    rig.leader = { id: "m2", address: "m2:7377", term: 3 };
    rig.looks(2);
    rig.applies(7, 7_000_900);
    rig.clock.heard(9_000_000);
    expect(rig.clock.now()).to.equal(7_000_900);
  });

  it("begins anew with every leader, and trusts nothing while there is none", () => {
    const rig = following();
    rig.leader = null;
    rig.looks(1);
    rig.applies(7, 1_000);
    expect(rig.clock.now()).to.equal(rig.env.wall);
    rig.leader = { id: "m3", address: "m3:7377", term: 4 };
    rig.looks(1);
    rig.applies(8, 2_000);
    expect(rig.clock.now(), "its first entries may be old").to.equal(rig.env.wall);
    rig.looks(2);
    rig.applies(9, 3_000_000);
    expect(rig.clock.now()).to.equal(3_000_000);
  });
});
