/** A leader that stood still while another was elected, as OS processes: what it says when it goes on must be true. */
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import type { KeysOf, RequestInput, Response } from "../../src/proto/load.ts";
import { AppError } from "../../src/util/errors.ts";

const ELECTED_MS = 20_000;
/** What is asked of a stopped manager waits for it. */
const ANSWER_MS = 15_000;
/** By then what was sent is in the kernel of a process that does not read. */
const ARRIVED_MS = 200;
const ROUNDS = 3;
/** Answers that claim nothing. */
const CLAIM_NOTHING = ["unavailable", "not-leader", "unknown-outcome", "deadline"];

const specOf = (name: string, at: string) => ({
  name,
  labels: { at },
  replicated: { replicas: 0 },
  task: { container: { image: "app:1" } },
});

describe("integration/a paused leader", function () {
  this.timeout(90_000);
  let cluster: LocalCluster;

  before(async () => {
    cluster = await startLocalCluster({ managers: 3 });
  });
  after(async () => await cluster.stop());

  async function create(at: LocalNode, name: string): Promise<number> {
    const { service } = await cluster.call(at, "Control.CreateService", { spec: specOf(name, "first") });
    return service?.meta?.version ?? 0;
  }

  async function nextLeader(old: LocalNode): Promise<LocalNode> {
    return await waitFor("another leader", ELECTED_MS, async () => {
      for (const node of cluster.managers) {
        if (node === old) continue;
        const { leaderAddress } = await cluster.call(node, "Control.GetCluster", { consistency: "STALE" });
        const leader = cluster.managers.find(({ address }) => address === leaderAddress);
        if (leader !== undefined && leader !== old) return leader;
      }
      return undefined;
    });
  }

  /** Of a call that is sent now: its answer, its refusal, or null for one that claims nothing. */
  async function claim<K extends KeysOf<"unary">>(
    at: LocalNode,
    key: K,
    request: RequestInput<K>,
  ): Promise<Response<K> | AppError | null> {
    try {
      return await cluster.call(at, key, request, ANSWER_MS);
    } catch (error) {
      const refusal = AppError.from(error);
      return CLAIM_NOTHING.includes(refusal.code) ? null : refusal;
    }
  }

  /** Two services that its successor changed, and one that it removed, as the old leader does not know. */
  async function depose(round: number): Promise<{ old: LocalNode; changed: number }> {
    const old = await cluster.leader();
    const before = await create(old, `changed-${round}`);
    await create(old, `removed-${round}`);
    old.child?.kill("SIGSTOP");
    const leader = await nextLeader(old);
    const update = { id: `changed-${round}`, version: before, spec: specOf(`changed-${round}`, "second") };
    const { service } = await cluster.call(leader, "Control.UpdateService", update);
    await create(leader, `made-${round}`);
    await cluster.call(leader, "Control.RemoveService", { id: `removed-${round}` });
    return { old, changed: service?.meta?.version ?? 0 };
  }

  it("serves no stale read, and refuses nothing for what is not so any more", async () => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { old, changed } = await depose(round);
      const reads = Promise.all([
        claim(old, "Control.GetService", { id: `changed-${round}` }),
        claim(old, "Control.GetService", { id: `made-${round}` }),
        claim(old, "Control.ListServices", { filters: [`name=removed-${round}`] }),
      ]);
      const update = { id: `changed-${round}`, version: changed, spec: specOf(`changed-${round}`, "third") };
      const changes = Promise.all([
        claim(old, "Control.UpdateService", { requestId: randomUUID(), ...update }),
        claim(old, "Control.CreateService", { requestId: randomUUID(), spec: specOf(`removed-${round}`, "again") }),
      ]);
      await new Promise((resolve) => setTimeout(resolve, ARRIVED_MS));
      old.child?.kill("SIGCONT");

      const [read, made, removed] = await reads;
      if (read !== null) expect(read).to.have.nested.property("service.meta.version").that.is.at.least(changed);
      if (made !== null) expect(made).to.have.nested.property("service.spec.name", `made-${round}`);
      if (removed !== null && !(removed instanceof AppError)) {
        const values = removed.services.map(({ service }) => service?.spec?.labels["at"]);
        expect(values, "it was removed, or is there again").to.not.include("first");
      }
      const [updated, created] = await changes;
      if (updated !== null) expect(updated).to.have.nested.property("service.spec.labels.at", "third");
      if (created !== null) expect(created).to.have.nested.property("service.spec.labels.at", "again");
    }
  });
});
