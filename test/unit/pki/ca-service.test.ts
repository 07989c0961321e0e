import { X509Certificate } from "node:crypto";
import { expect } from "chai";
import { CaService } from "../../../src/pki/ca-service.ts";
import { withRemoved } from "../../../src/model/removed-nodes.ts";
import { validateNewNode } from "../../../src/model/validate.ts";
import { createCluster, joinTokens, type NewCluster } from "../../../src/pki/create-cluster.ts";
import { createCsr, createKeyPair } from "../../../src/pki/x509.ts";
import { call } from "../../../src/proto/client.ts";
import type { RequestInput } from "../../../src/proto/load.ts";
import type { Caller, Channel } from "../../../src/proto/rpc.ts";
import { Router } from "../../../src/proto/router.ts";
import type { Store } from "../../../src/store/store.ts";
import { newId } from "../../../src/util/id.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { expectCode } from "../../support/expect-code.ts";
import { leadingStore } from "../../support/leading-store.ts";

const ISSUE = "CertificateAuthority.IssueNodeCertificate";
const ANONYMOUS: Caller = { kind: "anonymous" };
const options = { deadlineMs: 5000 };

describe("pki/ca-service", () => {
  let made: NewCluster;
  let store: Store;
  let router: Router;

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
  });

  function as(caller: Caller): Channel {
    return {
      unary: (path, request) =>
        router.dispatchUnary(path, request, {
          caller,
          signal: new AbortController().signal,
          deadlineMs: undefined,
          forwarded: false,
        }),
      stream: () => {
        throw new Error("the service has no streams");
      },
      close: () => undefined,
    };
  }

  function nodeCaller(nodeId: string, role: "worker" | "manager" = "worker"): Caller {
    return { kind: "node", nodeId, role, clusterId: made.cluster.id };
  }

  async function joinRequest(
    role: "worker" | "manager" = "worker",
  ): Promise<RequestInput<typeof ISSUE> & { nodeId: string }> {
    const { keyPem } = await createKeyPair();
    const nodeId = newId(realEnv);
    return {
      csrPem: await createCsr(keyPem, nodeId),
      token: joinTokens(made.cluster)[role],
      nodeId,
      address: "10.0.0.2:7377",
      name: "w1",
      labels: { zone: "a" },
    };
  }

  it("tells anyone the root and the cluster's id, and never its key", async () => {
    const root = await call(as(ANONYMOUS), "CertificateAuthority.GetRootCertificate", {}, options);
    expect(root).to.deep.equal({ rootCertificatePem: made.cluster.rootCertificatePem, clusterId: made.cluster.id });
  });

  for (const role of ["worker", "manager"] as const) {
    it(`makes a ${role} of whoever has the ${role} token: a node in the store and its certificate`, async () => {
      const request = await joinRequest(role);
      const issued = await call(as(ANONYMOUS), ISSUE, request, options);
      const node = store.view().get("node", request.nodeId);
      expect(node?.role).to.equal(role.toUpperCase());
      expect(node?.address).to.equal("10.0.0.2:7377");
      expect(node?.spec).to.deep.equal({
        name: "w1",
        labels: { zone: "a" },
        availability: "ACTIVE",
        drainDeadlineMs: 0,
        drainParallelism: 0,
      });
      expect(node?.status?.state).to.equal("UNKNOWN");
      expect(issued.role).to.equal(role.toUpperCase());
      expect(issued.managers).to.include("10.0.0.1:7377");
      const certificate = new X509Certificate(issued.certificatePem);
      expect(certificate.subject.split("\n")).to.include.members([`OU=${role}`, `CN=${request.nodeId}`]);
      expect(certificate.verify(new X509Certificate(made.cluster.rootCertificatePem).publicKey)).to.equal(true);
    });
  }

  it("answers a repeated join as the same node, without a second write", async () => {
    const request = await joinRequest();
    await call(as(ANONYMOUS), ISSUE, request, options);
    const { version } = store.view();
    const again = await call(as(ANONYMOUS), ISSUE, request, options);
    expect(again.nodeId).to.equal(request.nodeId);
    expect(store.view().version).to.equal(version);
    expect(store.view().count("node")).to.equal(2);
  });

  it("refuses a taken node id with another key", async () => {
    const request = await joinRequest();
    await call(as(ANONYMOUS), ISSUE, request, options);
    const thief = { ...(await joinRequest()), nodeId: request.nodeId };
    expect((await expectCode(call(as(ANONYMOUS), ISSUE, thief, options), "exists")).details.path).to.equal("node_id");
  });

  it("does not change a member's role by another token", async () => {
    const request = await joinRequest("worker");
    await call(as(ANONYMOUS), ISSUE, request, options);
    const promoted = { ...request, token: joinTokens(made.cluster).manager };
    await expectCode(call(as(ANONYMOUS), ISSUE, promoted, options), "precondition");
    expect(store.view().get("node", request.nodeId)?.role).to.equal("WORKER");
  });

  it("refuses a wrong secret, another cluster's token and none at all, and creates nothing", async () => {
    const request = await joinRequest();
    const wrong = `${request.token?.slice(0, -25)}${"0".repeat(25)}`;
    await expectCode(call(as(ANONYMOUS), ISSUE, { ...request, token: wrong }, options), "denied");
    const other = await createCluster(realEnv, { clusterName: "b", address: "x:1", nodeName: "m" });
    const foreign = joinTokens(other.cluster).worker;
    const error = await expectCode(call(as(ANONYMOUS), ISSUE, { ...request, token: foreign }, options), "denied");
    expect(error.message).to.match(/another cluster/);
    await expectCode(call(as(ANONYMOUS), ISSUE, { ...request, token: "" }, options), "unauthenticated");
    await expectCode(call(as(ANONYMOUS), ISSUE, { ...request, token: "hello" }, options), "invalid");
    expect(store.view().count("node")).to.equal(1);
  });

  const bad: [string, object, string][] = [
    ["a node id that is none", { nodeId: "n1" }, "node_id"],
    ["no address", { address: "" }, "address"],
    ["an address without a port", { address: "10.0.0.2" }, "address"],
    ["no name", { name: "" }, "name"],
    ["a name that no change of the node could keep", { name: "w 1\n" }, "name"],
    ["a label that no change of the node could keep", { labels: { "a b": "c" } }, "labels.a b"],
    ["an endless label", { labels: { a: "x".repeat(1000) } }, "labels.a"],
    ["no request", { csrPem: "" }, "csr_pem"],
  ];
  for (const [what, change, path] of bad) {
    it(`refuses ${what}, naming ${path}`, async () => {
      const request = { ...(await joinRequest()), ...change };
      expect((await expectCode(call(as(ANONYMOUS), ISSUE, request, options), "invalid")).details.path).to.equal(path);
    });
  }

  it("renews for the node itself, with a new key, and keeps the role the store knows", async () => {
    const request = await joinRequest();
    await call(as(ANONYMOUS), ISSUE, request, options);
    const { keyPem, publicKeyFingerprint } = await createKeyPair();
    const csrPem = await createCsr(keyPem, request.nodeId);
    const issued = await call(as(nodeCaller(request.nodeId)), ISSUE, { csrPem }, options);
    expect(issued.nodeId).to.equal(request.nodeId);
    expect(issued.role).to.equal("WORKER");
    expect(store.view().get("node", request.nodeId)?.keyFingerprint).to.equal(publicKeyFingerprint);
    await call(as(nodeCaller(request.nodeId)), ISSUE, { csrPem }, options);
  });

  it("refuses the renewal of a removed node, with what to do", async () => {
    const request = await joinRequest();
    await call(as(ANONYMOUS), ISSUE, request, options);
    await store.update((tx) => {
      tx.remove("node", request.nodeId);
      for (const cluster of tx.all("cluster")) tx.put("cluster", withRemoved(cluster, request.nodeId));
    });
    const csrPem = request.csrPem ?? "";
    const error = await expectCode(call(as(nodeCaller(request.nodeId)), ISSUE, { csrPem }, options), "denied");
    expect(error.message).to.contain(request.nodeId);
    expect(error.details).to.include({ reason: "removed" });
    expect(error.details.next).to.match(/join again/);
  });

  it("refuses the renewal of a node that a restored state does not know, without calling it removed", async () => {
    const request = await joinRequest();
    await call(as(ANONYMOUS), ISSUE, request, options);
    await store.update((tx) => tx.remove("node", request.nodeId));
    const csrPem = request.csrPem ?? "";
    const error = await expectCode(call(as(nodeCaller(request.nodeId)), ISSUE, { csrPem }, options), "denied");
    expect(error.details).to.not.have.property("reason");
  });

  it("refuses the renewal of a node of another cluster", async () => {
    const { csrPem } = await joinRequest();
    const stranger: Caller = { kind: "node", nodeId: made.node.id, role: "manager", clusterId: newId(realEnv) };
    await expectCode(call(as(stranger), ISSUE, csrPem === undefined ? {} : { csrPem }, options), "unauthenticated");
  });

  it("issues a context's certificate to an administrator only", async () => {
    const { keyPem } = await createKeyPair();
    const request = { csrPem: await createCsr(keyPem, "ada"), name: "ada" };
    const key = "CertificateAuthority.IssueContextCertificate";
    const issued = await call(as({ kind: "local" }), key, request, options);
    expect(new X509Certificate(issued.certificatePem).subject.split("\n")).to.include.members(["OU=admin", "CN=ada"]);
    expect(issued.managers).to.deep.equal(["10.0.0.1:7377"]);
    await expectCode(call(as(nodeCaller(made.node.id, "manager")), key, request, options), "denied");
    await expectCode(call(as(ANONYMOUS), key, request, options), "unauthenticated");
    const named = { ...request, name: "../ada" };
    expect((await expectCode(call(as({ kind: "local" }), key, named, options), "invalid")).details.path).to.equal(
      "name",
    );
  });

  it("says unavailable on a manager that has no state yet", async () => {
    const empty = new Router(silentLogger);
    new CaService({
      store: leadingStore(realEnv),
      env: realEnv,
      log: silentLogger,
      validateNode: validateNewNode,
    }).register(empty);
    router = empty;
    await expectCode(call(as(ANONYMOUS), "CertificateAuthority.GetRootCertificate", {}, options), "unavailable");
  });
});
