import { expect } from "chai";
import { DISK_CHECK_MS, DiskGuard, type DiskMarks } from "../../../src/manager/disk-guard.ts";
import type { Member, MemberId } from "../../../src/raft/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { expectCode } from "../../support/expect-code.ts";
import { Sim } from "../../support/sim-env.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** A guard over a disk and a replica that are told what to be. */
class Rig {
  readonly sim = new Sim(1);
  freeBytes = 100 * GIB;
  totalBytes = 200 * GIB;
  probeError: Error | null = null;
  fileId = "1:7";
  isLeader = true;
  refusal: (() => AppError) | null = null;
  readonly transfers: MemberId[] = [];
  readonly full: AppError[] = [];
  readonly members: Member[] = ["b", "c"].map((id) => ({ id, address: `${id}:7377`, role: "voter" }));
  /** Members that answer, and whether they have room. */
  readonly room = new Map<MemberId, boolean>();
  readonly guard: DiskGuard;

  constructor(marks: DiskMarks = { lowBytes: null, stopBytes: null }) {
    this.guard = new DiskGuard(
      {
        env: this.sim.env("a"),
        log: silentLogger,
        probe: async () => {
          if (this.probeError !== null) throw this.probeError;
          return await Promise.resolve({ freeBytes: this.freeBytes, totalBytes: this.totalBytes, fileId: this.fileId });
        },
        replica: {
          refuseProposals: (refusal) => (this.refusal = refusal),
          isReadyLeader: () => this.isLeader,
          successors: () => this.members,
          transferLeadership: async ({ to }) => {
            this.transfers.push(to);
            this.isLeader = false;
            await Promise.resolve();
          },
        },
        hasRoom: async ({ id }) => {
          const answer = this.room.get(id);
          if (answer === undefined) throw new AppError("unavailable", `${id} does not answer`);
          return await Promise.resolve(answer);
        },
        onStop: (error) => this.full.push(error),
      },
      { path: "/data/a", marks },
    );
  }

  async free(bytes: number): Promise<void> {
    this.freeBytes = bytes;
    await this.sim.run(DISK_CHECK_MS + 1);
  }
}

describe("manager/disk-guard", () => {
  it("refuses proposals below 256 MiB with path, free bytes and what to do, and lets them in again above", async () => {
    const rig = new Rig();
    await rig.guard.start();
    await rig.free(257 * MIB);
    expect(rig.refusal).to.equal(null);
    await rig.free(255 * MIB);
    const error = rig.refusal?.();
    expect(error).to.include({ code: "exhausted" });
    expect(error?.details).to.deep.include({ path: "/data/a", freeBytes: String(255 * MIB) });
    expect(error?.details.next).to.match(/free disk space/);
    expect(error?.message).to.contain("/data/a").and.contain("255MiB");
    // Not at the mark itself: it would flap with every compaction.
    await rig.free(260 * MIB);
    expect(rig.guard.isLow).to.equal(true);
    await rig.free(300 * MIB);
    expect(rig.refusal).to.equal(null);
    await rig.guard.stop();
  });

  it("takes 5 % of a disk on which 256 MiB would be much, and the operator's mark before either", async () => {
    const small = new Rig();
    small.totalBytes = GIB;
    small.freeBytes = 60 * MIB;
    await small.guard.start();
    expect(small.guard.isLow).to.equal(false);
    await small.free(50 * MIB);
    expect(small.guard.isLow).to.equal(true);
    await small.guard.stop();
    const told = new Rig({ lowBytes: 10 * GIB, stopBytes: null });
    told.freeBytes = 9 * GIB;
    await told.guard.start();
    expect(told.guard.isLow).to.equal(true);
    await told.guard.stop();
  });

  it("hands leadership to the first voter that answers and has room", async () => {
    const rig = new Rig();
    await rig.guard.start();
    rig.room.set("c", true);
    await rig.free(100 * MIB);
    expect(rig.transfers).to.deep.equal(["c"]);
    await rig.guard.stop();
  });

  it("keeps leadership while no voter has room, and hands it over when one has", async () => {
    const rig = new Rig();
    await rig.guard.start();
    rig.room.set("b", false).set("c", false);
    await rig.free(100 * MIB);
    await rig.sim.run(3 * DISK_CHECK_MS);
    expect(rig.transfers).to.deep.equal([]);
    rig.room.set("b", true);
    await rig.sim.run(DISK_CHECK_MS + 1);
    expect(rig.transfers).to.deep.equal(["b"]);
    await rig.guard.stop();
  });

  it("asks nobody while it does not lead", async () => {
    const rig = new Rig();
    rig.isLeader = false;
    rig.room.set("b", true);
    await rig.guard.start();
    await rig.free(100 * MIB);
    expect(rig.guard.isLow).to.equal(true);
    expect(rig.transfers).to.deep.equal([]);
    await rig.guard.stop();
  });

  it("stops the manager once below the stop mark", async () => {
    const rig = new Rig();
    await rig.guard.start();
    await rig.free(63 * MIB);
    await rig.sim.run(3 * DISK_CHECK_MS);
    expect(rig.full.map(({ code, details }) => [code, details.path])).to.deep.equal([["exhausted", "/data/a"]]);
    await rig.guard.stop();
  });

  it("does not start below the stop mark", async () => {
    const rig = new Rig();
    rig.freeBytes = 10 * MIB;
    const error = await expectCode(rig.guard.start(), "exhausted");
    expect(error.details.next).to.contain("start the daemon again");
  });

  it("refuses nothing while free space cannot be known", async () => {
    const rig = new Rig();
    await rig.guard.start();
    rig.probeError = new Error("statfs failed");
    await rig.free(MIB);
    expect(rig.refusal).to.equal(null);
    expect(rig.full).to.deep.equal([]);
    await rig.guard.stop();
  });

  it("stops a manager whose files were removed or replaced, once, and says what to do", async () => {
    const gone = Object.assign(new Error("no such file"), { code: "ENOENT" });
    const losses: ((rig: Rig) => void)[] = [
      (rig) => (rig.fileId = ""),
      (rig) => (rig.fileId = "1:8"),
      (rig) => (rig.probeError = gone),
    ];
    for (const lose of losses) {
      const rig = new Rig();
      rig.fileId = "";
      await rig.guard.start();
      rig.fileId = "1:7";
      await rig.sim.run(DISK_CHECK_MS + 1);
      expect(rig.full).to.deep.equal([]);
      lose(rig);
      await rig.sim.run(3 * DISK_CHECK_MS);
      expect(rig.full.map(({ code }) => code)).to.deep.equal(["corrupt"]);
      expect(rig.full[0]?.details.next).to.match(/join again/);
      await rig.guard.stop();
    }
  });
});
