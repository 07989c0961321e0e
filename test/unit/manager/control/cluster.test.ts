import { expect } from "chai";
import { codec } from "../../../../src/proto/load.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";

const SECRETS = { rootKeyPem: "KEY", workerTokenSecret: "WORKER", managerTokenSecret: "MANAGER" };

async function aCluster(): Promise<ControlRig> {
  const rig = new ControlRig();
  const type = codec("Cluster");
  const cluster = type.decode(
    type.encode({ id: "c1", spec: { name: "default" }, rootCertificatePem: "ROOT", ...SECRETS }),
  );
  await rig.write((tx) => tx.put("cluster", cluster));
  return rig;
}

describe("manager/control/cluster", () => {
  it("answers the cluster without its secrets, with the leader and the managers it reaches", async () => {
    const rig = await aCluster();
    rig.replica.active = ["m2"];
    const answer = await rig.call("Control.GetCluster", {});
    expect(answer.cluster).to.include({ id: "c1", rootCertificatePem: "ROOT", rootKeyPem: "" });
    expect(JSON.stringify(answer)).to.not.match(/KEY|WORKER|MANAGER/);
    expect(answer).to.include({ leaderId: "m1", leaderAddress: "10.0.0.1:7377", managers: 3 });
  });

  it("rotates only the tokens asked for and answers without secrets", async () => {
    const rig = await aCluster();
    const { cluster } = await rig.call("Control.UpdateCluster", { version: 1, rotateWorkerToken: true });
    expect(cluster?.workerTokenSecret).to.equal("");
    const stored = rig.store.view().get("cluster", "c1");
    expect(stored?.workerTokenSecret).to.match(/^[0-9a-z]{25}$/);
    expect(stored?.managerTokenSecret).to.equal("MANAGER");
    expect(stored?.spec?.name).to.equal("default");
  });

  it("refuses an update based on another version, and a bad history limit by its path", async () => {
    const rig = await aCluster();
    const stale = await rig.failure("Control.UpdateCluster", { version: 9, spec: { name: "x" } });
    expect(stale.message).to.include("update out of sequence");
    const bad = await rig.failure("Control.UpdateCluster", { version: 1, spec: { taskHistoryLimit: -2 } });
    expect(bad.details.path).to.equal("spec.taskHistoryLimit");
  });

  it("hands out join tokens with the managers' addresses", async () => {
    const rig = await aCluster();
    expect(await rig.call("Control.GetJoinTokens", {})).to.deep.equal({
      worker: "worker-token",
      manager: "manager-token",
      addresses: ["m1:7377", "m2:7377", "m3:7377"],
    });
  });

  it("delegates explanations", async () => {
    const rig = await aCluster();
    expect(await rig.call("Control.Explain", { id: "x" })).to.include({ id: "x", summary: "because" });
  });
});

describe("manager/control/reads", () => {
  it("waits for a read barrier within the caller's deadline, and not for a stale read", async () => {
    const rig = await aCluster();
    await rig.call("Control.GetCluster", {});
    await rig.call("Control.GetCluster", {}, { deadlineMs: 1_000 });
    await rig.call("Control.GetCluster", { consistency: "STALE" });
    expect(rig.replica.barriers).to.deep.equal([5_000, 800]);
  });

  it("says that there is no quorum, how many managers are reachable, and what to do", async () => {
    const rig = await aCluster();
    rig.replica.active = [];
    rig.replica.barrierFailure = new AppError("deadline", "too late");
    const error = await rig.failure("Control.GetCluster", {});
    expect(error.code).to.equal("unavailable");
    expect(error.message).to.equal("No quorum: 1 of 3 managers reachable, 2 are needed");
    expect(error.details.next).to.include("STALE");
  });

  it("fails at once when no leader has been known for longer than an election lasts", async () => {
    const rig = await aCluster();
    rig.replica.loseLeader();
    await rig.call("Control.GetCluster", {});
    rig.env.advance(3_000);
    const error = await rig.failure("Control.GetCluster", {});
    expect(error.code).to.equal("unavailable");
    expect(rig.replica.barriers).to.have.length(1);
    await rig.call("Control.GetCluster", { consistency: "STALE" });
  });
});
