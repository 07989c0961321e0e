import { createServer } from "node:net";
import { expect } from "chai";
import { CaService } from "../../src/pki/ca-service.ts";
import { validateNewNode } from "../../src/model/validate.ts";
import { createCluster, joinTokens, type NewCluster } from "../../src/pki/create-cluster.ts";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import { joinCluster, type Joined, type JoinRequest } from "../../src/pki/join.ts";
import { createKeyPair } from "../../src/pki/x509.ts";
import { call } from "../../src/proto/client.ts";
import type { Listener } from "../../src/proto/rpc.ts";
import { Router } from "../../src/proto/router.ts";
import type { Store } from "../../src/store/store.ts";
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { expectCode } from "../support/expect-code.ts";
import { Cleanup, dialerWith, serveTls } from "../support/grpc-harness.ts";
import { leadingStore } from "../support/leading-store.ts";

describe("grpc: joining a cluster", () => {
  const cleanup = new Cleanup();
  let made: NewCluster;
  let store: Store;
  let router: Router;
  let listener: Listener;

  before(async () => {
    made = await createCluster(realEnv, { clusterName: "test", address: "10.0.0.1:7377", nodeName: "m1" });
  });

  beforeEach(async () => {
    store = leadingStore(realEnv);
    await store.update((tx) => {
      tx.put("cluster", made.cluster);
      tx.put("node", made.node);
    });
    router = new Router(silentLogger);
    new CaService({ store, env: realEnv, log: silentLogger, validateNode: validateNewNode }).register(router);
    listener = cleanup.add(await serveTls(router, new RotatingCredentials(made.files)));
  });

  afterEach(() => cleanup.run());

  async function join(change: Partial<JoinRequest> = {}): Promise<Joined> {
    const { keyPem } = await createKeyPair();
    return await joinCluster(
      { env: realEnv, log: silentLogger },
      {
        addresses: [listener.address],
        token: joinTokens(made.cluster).worker,
        nodeId: newId(realEnv),
        keyPem,
        address: "10.0.0.2:7377",
        name: "w1",
        ...change,
      },
    );
  }

  /** An address where nobody listens. */
  async function deadAddress(): Promise<string> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    const address = server.address();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return typeof address === "object" && address !== null ? `127.0.0.1:${address.port}` : "";
  }

  it("makes a member of a node, whose certificate the cluster then accepts", async () => {
    const { identity, files, managers } = await join();
    expect(identity).to.deep.include({ clusterId: made.cluster.id, role: "worker" });
    expect(managers).to.deep.equal(["10.0.0.1:7377"]);
    expect(files.rootCertificatePem).to.equal(made.cluster.rootCertificatePem);
    expect(store.view().get("node", identity.nodeId)?.spec?.name).to.equal("w1");
    router.unary("Control.GetCluster", () => Promise.resolve({}));
    const channel = cleanup.add(
      dialerWith(files).dial(listener.address, { peer: { kind: "manager" }, profile: "control" }),
    );
    const error = await expectCode(call(channel, "Control.GetCluster", {}, { deadlineMs: 5000 }), "denied");
    expect(error.message).to.contain(identity.nodeId);
  });

  it("tries every address", async () => {
    const joined = await join({ addresses: [await deadAddress(), listener.address] });
    expect(joined.identity.role).to.equal("worker");
  });

  it("says what every address said when none can be reached, without waiting for the deadline", async () => {
    const addresses = [await deadAddress(), await deadAddress()];
    const started = performance.now();
    const error = await expectCode(join({ addresses }), "unavailable");
    expect(performance.now() - started).to.be.below(3000);
    for (const address of addresses) expect(error.message).to.contain(address);
    expect(error.details.next).to.be.a("string");
  });

  it("waits out an election, and gives up at its deadline", async () => {
    let refusals = 2;
    const election = new AppError("unavailable", "No quorum: the managers have no leader");
    router.setLeaderRoute({
      isLeader: () => refusals-- <= 0,
      forward: () => Promise.reject(election),
    });
    await join();
    refusals = Infinity;
    const started = performance.now();
    const error = await expectCode(join({ timeoutMs: 600 }), "unavailable");
    expect(error.message).to.match(/No quorum/);
    expect(performance.now() - started).to.be.below(1500);
  });

  it("refuses a manager whose root is not the token's, before it sends the secret", async () => {
    const other = await createCluster(realEnv, { clusterName: "b", address: "x:1", nodeName: "m" });
    let asked = 0;
    router.unary("CertificateAuthority.IssueNodeCertificate", () => {
      asked += 1;
      return Promise.resolve({});
    });
    const error = await expectCode(join({ token: joinTokens(other.cluster).worker }), "denied");
    expect(error.message).to.match(/another cluster/);
    expect(asked).to.equal(0);
  });

  it("does not trust a root that the server's own certificate does not come from", async () => {
    const impostor = await createCluster(realEnv, { clusterName: "b", address: "x:1", nodeName: "m" });
    const fake = new Router(silentLogger);
    fake.unary("CertificateAuthority.GetRootCertificate", () =>
      Promise.resolve({ rootCertificatePem: made.cluster.rootCertificatePem, clusterId: made.cluster.id }),
    );
    let asked = 0;
    fake.unary("CertificateAuthority.IssueNodeCertificate", () => {
      asked += 1;
      return Promise.resolve({});
    });
    const trap = cleanup.add(await serveTls(fake, new RotatingCredentials(impostor.files)));
    await expectCode(join({ addresses: [trap.address], timeoutMs: 5000 }), "unavailable");
    expect(asked).to.equal(0);
  });

  it("ends at once with the cluster's refusal, and on a token that is none", async () => {
    const token = `${joinTokens(made.cluster).worker.slice(0, -25)}${"0".repeat(25)}`;
    await expectCode(join({ token, addresses: [listener.address, await deadAddress()] }), "denied");
    expect((await expectCode(join({ token: "x" }), "invalid")).details.path).to.equal("token");
    expect((await expectCode(join({ addresses: [] }), "invalid")).details.path).to.equal("managers");
  });

  it("stops when it is told to", async () => {
    router.setLeaderRoute({ isLeader: () => false, forward: () => new Promise(() => undefined) });
    const controller = new AbortController();
    const joining = expectCode(join({ signal: controller.signal }), "cancelled");
    setTimeout(() => controller.abort(), 50);
    await joining;
  });
});
