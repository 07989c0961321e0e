import { expect } from "chai";
import type { Rollout, Service } from "../../../../src/model/index.ts";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aTask } from "../../../support/store/objects.ts";

const withImage = (image: string, part: Partial<ServiceSpecInput> = {}): ServiceSpecInput => ({
  name: "web",
  replicated: { replicas: 2 },
  task: { container: { image } },
  ...part,
});

class Rig extends ControlRig {
  static async updated(part: Partial<ServiceSpecInput> = {}): Promise<Rig> {
    const rig = new Rig();
    await rig.call("Control.CreateService", { spec: withImage("web:1", part) });
    await rig.write((tx) => tx.put("task", aTask({ id: "t0", serviceId: rig.service.id, revision: 1 })));
    await rig.update(withImage("web:2", part));
    return rig;
  }

  get service(): Service {
    return [...this.store.view().all("service")][0]!;
  }

  get rollout(): Rollout {
    return this.service.rollout!;
  }

  async update(spec: ServiceSpecInput): Promise<void> {
    const { id, meta } = this.service;
    await this.call("Control.UpdateService", { id, version: meta!.version, spec });
  }

  /** What the orchestrator would have made of it. */
  async becomes(part: Partial<Rollout>): Promise<void> {
    await this.write((tx) => tx.put("service", { ...this.service, rollout: { ...this.rollout, ...part } }));
  }

  revision(number: number): { outcome: string; outcomeMessage: string } {
    const { outcome, outcomeMessage } = this.store.view().get("revision", `${this.service.id}/${number}`)!;
    return { outcome, outcomeMessage };
  }
}

describe("manager/control/rollouts: updates", () => {
  it("begin a rollout with a new revision, and record who made it and what differs", async () => {
    const rig = await Rig.updated();
    expect(rig.rollout).to.include({ state: "UPDATING", from: 1, to: 2, finishedAtMs: 0 });
    expect(rig.rollout.cause).to.deep.equal({ actor: "user:ada", reason: "service updated" });
    expect(rig.store.view().get("revision", `${rig.service.id}/2`)?.cause).to.deep.equal({
      actor: "user:ada",
      reason: "service updated: image",
    });
  });

  it("leave the rollout and its target alone when only scale, labels or pace change", async () => {
    const rig = await Rig.updated();
    await rig.becomes({ state: "PAUSED", message: "1 of 2 failed" });
    const before = rig.rollout;
    await rig.update(
      withImage("web:2", { replicated: { replicas: 9 }, labels: { a: "b" }, update: { parallelism: 3 } }),
    );
    expect(rig.rollout).to.deep.equal(before);
    expect(rig.service).to.deep.include({ revision: 2 });
  });

  it("are no conflict with what the rollout writes, but with what somebody else changed", async () => {
    const rig = await Rig.updated();
    const { id, meta } = rig.service;
    await rig.becomes({ updated: 1 });
    const spec = withImage("web:2", { labels: { a: "b" } });
    await rig.call("Control.UpdateService", { id, version: meta!.version, spec });
    const error = await rig.failure("Control.UpdateService", { id, version: meta!.version, spec });
    expect(error.code).to.equal("conflict");
  });

  it("are complete at once where there is no task to replace", async () => {
    const rig = new Rig();
    await rig.call("Control.CreateService", { spec: withImage("web:1", { replicated: { replicas: 0 } }) });
    await rig.update(withImage("web:2", { replicated: { replicas: 0 } }));
    expect(rig.rollout).to.include({ state: "COMPLETED", from: 1, to: 2 });
    expect(rig.revision(2)).to.include({ outcome: "COMPLETED" });
    await rig.call("Control.RollbackService", { id: "web" });
    expect(rig.rollout).to.include({ state: "ROLLED_BACK", from: 2, to: 1 });
  });

  it("take the canary from the spec", async () => {
    const rig = await Rig.updated({ update: { canary: 1 } });
    expect(rig.rollout).to.include({ state: "CANARY", canary: 1 });
  });
});

describe("manager/control/rollouts: rollback", () => {
  it("puts the task of the revision the rollout came from in its place, and nothing else", async () => {
    const rig = await Rig.updated();
    await rig.update(withImage("web:2", { replicated: { replicas: 7 } }));
    const { service } = await rig.call("Control.RollbackService", { id: "web" });
    expect(service).to.deep.include({ revision: 1, cause: { actor: "user:ada", reason: "rolled back" } });
    expect(service?.spec?.task?.container?.image).to.equal("web:1");
    expect(service?.spec?.replicated?.replicas).to.equal(7);
    expect(rig.rollout).to.include({ state: "ROLLING_BACK", from: 2, to: 1 });
    expect(rig.revision(2)).to.deep.equal({
      outcome: "ROLLED_BACK",
      outcomeMessage: "user:ada went back to revision 1",
    });
  });

  it("refuses no scale afterwards where what it went back to does not go with the rest of the spec", async () => {
    const rig = new Rig();
    const local = { container: { image: "db:1", mounts: [{ type: "VOLUME" as const, source: "data", target: "/d" }] } };
    await rig.call("Control.CreateService", { spec: withImage("", { task: local }) });
    await rig.update(withImage("db:2", { rebalance: true }));
    await rig.call("Control.RollbackService", { id: "web" });
    await rig.update(withImage("", { task: local, rebalance: true, replicated: { replicas: 5 } }));
    expect(rig.service.spec).to.deep.include({ rebalance: true, replicated: { replicas: 5 } });
  });

  it("returns when it is repeated after its end", async () => {
    const rig = await Rig.updated();
    await rig.call("Control.RollbackService", { id: "web" });
    await rig.becomes({ state: "ROLLED_BACK" });
    const { service } = await rig.call("Control.RollbackService", { id: "web" });
    expect(service?.revision).to.equal(2);
    expect(rig.rollout).to.include({ state: "ROLLING_BACK", from: 1, to: 2 });
  });

  it("goes to any revision that is kept, forward too, and makes no new number", async () => {
    const rig = await Rig.updated();
    await rig.update(withImage("web:3"));
    expect((await rig.call("Control.RollbackService", { id: "web", to: 1 })).service?.revision).to.equal(1);
    expect((await rig.call("Control.RollbackService", { id: "web", to: 3 })).service?.revision).to.equal(3);
    await rig.update(withImage("web:4"));
    expect(rig.service.revision).to.equal(4);
    expect(rig.store.view().count("revision")).to.equal(4);
  });

  const refusals: readonly (readonly [string, (rig: Rig) => Promise<void>, number, string, RegExp])[] = [
    [
      "one on its way",
      async (rig) => rig.becomes({ state: "ROLLING_BACK", from: 3, to: 2 }),
      0,
      "precondition",
      /on its way back to revision 2/,
    ],
    [
      "one that paused",
      async (rig) => rig.becomes({ state: "ROLLBACK_PAUSED", from: 3, to: 2 }),
      0,
      "precondition",
      /on its way back/,
    ],
    ["to where it is", async () => undefined, 2, "precondition", /at revision 2 already/],
    ["to what is not kept", async () => undefined, 9, "not-found", /revision 9 .* is not kept/],
  ];
  for (const [what, prepare, to, code, message] of refusals) {
    it(`refuses ${what}, and says what to do`, async () => {
      const rig = await Rig.updated();
      await prepare(rig);
      const error = await rig.failure("Control.RollbackService", { id: "web", to });
      expect(error.code).to.equal(code);
      expect(error.message).to.match(message);
      expect(error.details.next).to.include("shoal service history web");
    });
  }

  it("refuses to guess after one that came by itself: it would go forward to what failed", async () => {
    const rig = await Rig.updated();
    await rig.write((tx) => {
      const record = tx.get("revision", `${rig.service.id}/2`)!;
      tx.put("revision", { ...record, outcome: "FAILED" });
      tx.put("service", {
        ...rig.service,
        revision: 1,
        rollout: { ...rig.rollout, state: "ROLLED_BACK", from: 2, to: 1 },
      });
    });
    const error = await rig.failure("Control.RollbackService", { id: "web" });
    expect(error.message).to.include("went back to revision 1 by itself, for revision 2 failed");
  });

  it("refuses where nothing was ever updated", async () => {
    const rig = new Rig();
    await rig.call("Control.CreateService", { spec: withImage("web:1") });
    const error = await rig.failure("Control.RollbackService", { id: "web" });
    expect(error.message).to.include("no earlier revision");
  });

  it("is made once for a request id", async () => {
    const rig = await Rig.updated();
    const first = await rig.call("Control.RollbackService", { requestId: "r1", id: "web" });
    expect(await rig.call("Control.RollbackService", { requestId: "r1", id: "web" })).to.deep.equal(first);
    expect(rig.service.revision).to.equal(1);
  });
});

describe("manager/control/rollouts: steering", () => {
  it("pauses and resumes an update, a canary and a rollback, each as what it was", async () => {
    for (const [part, held, again] of [
      [{}, "PAUSED", "UPDATING"],
      [{ state: "CANARY", canary: 1 }, "PAUSED", "CANARY"],
      [{ state: "ROLLING_BACK" }, "ROLLBACK_PAUSED", "ROLLING_BACK"],
    ] as const) {
      const rig = await Rig.updated();
      await rig.becomes(part);
      await rig.call("Control.SteerRollout", { id: "web", action: "PAUSE" });
      expect(rig.rollout).to.include({ state: held, message: "paused by user:ada" });
      await rig.call("Control.SteerRollout", { id: "web", action: "PAUSE" });
      await rig.call("Control.SteerRollout", { id: "web", action: "RESUME" });
      expect(rig.rollout).to.include({ state: again, message: "" });
    }
  });

  it("promotes a canary that is ready, and no other", async () => {
    const rig = await Rig.updated();
    const promote = { id: "web", action: "PROMOTE" } as const;
    expect((await rig.failure("Control.SteerRollout", promote)).message).to.include("no canary to promote");
    await rig.becomes({ state: "CANARY", canary: 1, message: "canary: 0 of 1 ready" });
    expect((await rig.failure("Control.SteerRollout", promote)).message).to.include("not ready: canary: 0 of 1 ready");
    await rig.becomes({ canaryReadyAtMs: 5 });
    await rig.call("Control.SteerRollout", promote);
    expect(rig.rollout).to.include({ state: "UPDATING", canary: 0 });
  });

  it("refuses where no rollout is under way, or no action is said", async () => {
    const rig = await Rig.updated();
    expect((await rig.failure("Control.SteerRollout", { id: "web" })).code).to.equal("invalid");
    await rig.becomes({ state: "COMPLETED" });
    const error = await rig.failure("Control.SteerRollout", { id: "web", action: "PAUSE" });
    expect([error.code, error.message]).to.deep.equal([
      "precondition",
      'Cannot do that: service "web" has no rollout under way',
    ]);
  });
});

describe("manager/control/rollouts: history", () => {
  it("lists revisions, the newest first, with who and why, how they ended, what they run and how many tasks do", async () => {
    const rig = await Rig.updated();
    await rig.write((tx) => {
      tx.put(
        "task",
        aTask({
          id: "t1",
          serviceId: rig.service.id,
          revision: 1,
          desired: "RUNNING",
          status: { state: "RUNNING" } as never,
        }),
      );
    });
    await rig.update(withImage("web:3"));
    const { revisions } = await rig.call("Control.ListRevisions", { id: "web" });
    expect(
      revisions.map(({ revision, label, current, running }) => [
        revision?.number,
        label,
        current,
        running,
        revision?.cause?.reason,
        revision?.outcome,
        revision?.spec,
      ]),
    ).to.deep.equal([
      [3, "web:3", true, 0, "service updated: image", "NONE", null],
      [2, "web:2", false, 0, "service updated: image", "SUPERSEDED", null],
      [1, "web:1", false, 1, "service created", "NONE", null],
    ]);
  });
});
