/** Three replicas on their real parts: gRPC over TLS, LevelDB, real time. One process, so nobody can be killed -9 here. */
import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelKvFactory } from "../../src/disk/level-kv.ts";
import { Replica } from "../../src/manager/replica/replica.ts";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import { rootSigner } from "../../src/pki/root-ca.ts";
import { LEAF_VALIDITY_MS } from "../../src/pki/x509.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import type { Listener } from "../../src/proto/rpc.ts";
import { Router } from "../../src/proto/router.ts";
import type { Member } from "../../src/raft/types.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { nodeFiles, serveTls, testAuthority, type TestAuthority } from "../support/grpc-harness.ts";
import { Journal } from "../support/replica-cluster.ts";

/** Enough to reconnect and to be renewed. */
const CERTIFICATE_MS = 6_000;

type Site = {
  readonly id: string;
  readonly address: string;
  readonly credentials: RotatingCredentials;
  readonly dialer: GrpcDialer;
  readonly listener: Listener;
  replica: Replica;
  journal: Journal;
};

/** Polls: what is awaited happens in other turns of the same loop. */
async function until(isDone: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const deadline = realEnv.now() + timeoutMs;
  while (!isDone()) {
    if (realEnv.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("integration/replica", function () {
  this.timeout(60_000);
  let directory = "";
  let authority: TestAuthority;
  const sites: Site[] = [];

  async function site(): Promise<Site> {
    const name = newId(realEnv);
    const files = await nodeFiles(authority, "manager", name);
    const credentials = new RotatingCredentials(files);
    const dialer = new GrpcDialer({ credentials, env: realEnv, log: silentLogger });
    const router = new Router(silentLogger);
    const listener = await serveTls(router, credentials);
    const made = {
      id: name,
      address: listener.address,
      credentials,
      dialer,
      listener,
      ...replicaOf(name, dialer, router),
    };
    sites.push(made);
    return made;
  }

  function replicaOf(name: string, dialer: GrpcDialer, router: Router): { replica: Replica; journal: Journal } {
    const replica = new Replica(
      { env: realEnv, log: silentLogger, dialer, kvFactory: new LevelKvFactory(join(directory, name)) },
      {
        clusterId: authority.clusterId,
        nodeId: name,
        dataDir: join(directory, name),
        snapshots: { everyEntries: 400, entriesMax: 400, trailingEntries: 20 },
        onFatal: (error) => {
          throw error;
        },
        onRemoved: () => undefined,
      },
    );
    const journal = new Journal();
    replica.setStateMachine(journal);
    replica.registerRpcs(router);
    return { replica, journal };
  }

  const leader = (): Site | undefined => sites.find(({ replica }) => replica.isReadyLeader());

  async function write(texts: readonly string[]): Promise<number> {
    await until(() => leader() !== undefined, "a leader");
    const at = leader();
    if (at === undefined) throw new Error("no leader");
    let last = 0;
    for (const text of texts) last = at.replica.propose(Buffer.from(text)).index;
    await until(() => at.journal.version >= last, "commit");
    return last;
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "shoal-replica-"));
    authority = await testAuthority();
    for (let i = 0; i < 2; i++) await site();
    const members = sites.map(({ id, address }): Member => ({ id, address, role: "voter" }));
    for (const { replica } of sites) await replica.start({ members });
  });
  after(async () => {
    for (const { replica, listener } of sites) {
      await replica.stop();
      await listener.close();
    }
    await rm(directory, { recursive: true, force: true });
  });

  it("elects, replicates and reads linearizably over TLS", async () => {
    const last = await write(["one", "two", "three"]);
    await until(() => sites.every(({ journal }) => journal.version >= last), "replication");
    for (const { replica } of sites) await replica.readBarrier({ deadlineMs: 2_000 });
  });

  it("sends a joining manager a snapshot of many chunks and lets it vote", async () => {
    const filler = "x".repeat(8_000);
    for (let round = 0; round < 10; round++)
      await write(Array.from({ length: 50 }, (_, i) => `${round}.${i}${filler}`));
    await until(() => sites.every(({ replica }) => replica.metrics.snapshotsTaken > 0), "snapshots");
    const joiner = await site();
    await joiner.replica.start(null);
    await until(() => leader() !== undefined, "a leader");
    const channel = joiner.dialer.dial(leader()?.address ?? "", { peer: { kind: "manager" }, profile: "control" });
    const { members } = await call(channel, "Raft.Join", { address: joiner.address }, { deadlineMs: 10_000 });
    channel.close();
    expect(members).to.have.length(3);
    await until(() => joiner.replica.members().filter(({ role }) => role === "voter").length === 3, "promotion");
    const last = await write(["after the join"]);
    await until(() => joiner.journal.version >= last, "catching up");
    expect(joiner.replica.metrics.snapshotsInstalled).to.equal(1);
    expect(joiner.journal.lines).to.deep.equal(leader()?.journal.lines);
  });

  it("hands leadership over in tens of milliseconds and goes on", async () => {
    await until(() => leader() !== undefined, "a leader");
    const old = leader();
    const since = realEnv.now();
    await old?.replica.transferLeadership();
    await until(() => leader() !== undefined && leader() !== old, "a successor");
    expect(realEnv.now() - since).to.be.below(1_000);
    await write(["under the successor"]);
  });

  it("knows who leads next when it has handed over, and is one of three until then", async () => {
    await until(() => leader() !== undefined, "a leader");
    const old = leader();
    await old?.replica.handOver();
    const next = old?.replica.leader()?.id ?? "";
    expect(sites.map(({ id }) => id)).to.include(next);
    expect(next).to.not.equal(old?.id);
    await until(() => leader()?.id === next, "that one leads");
  });

  it("goes on over renewed certificates when the old ones have ended, without an election", async () => {
    const ends: number[] = [];
    // Made long ago, so to speak: they end in a moment.
    const soon = await rootSigner(
      { certificatePem: authority.rootCertificatePem, keyPem: authority.rootKeyPem },
      { ...realEnv, wallNow: () => realEnv.wallNow() - LEAF_VALIDITY_MS + CERTIFICATE_MS },
    );
    for (const { id, credentials } of sites) {
      const files = await nodeFiles({ ...authority, signer: soon }, "manager", id);
      ends.push(Date.parse(new X509Certificate(files.certificatePem).validTo));
      credentials.update(files);
    }
    // Connections of the certificates that end.
    for (const { listener } of sites) for (const { id } of sites) listener.closeConnectionsOf(id);
    await write(["over short certificates"]);
    const term = leader()?.replica.status().term;
    for (const { id, credentials } of sites) credentials.update(await nodeFiles(authority, "manager", id));
    await until(() => realEnv.wallNow() > Math.max(...ends) + 500, "the end of the old certificates");
    const last = await write(["over the connections that exist"]);
    expect(leader()?.replica.status().term).to.equal(term);
    for (const { listener } of sites) for (const { id } of sites) listener.closeConnectionsOf(id);
    await until(() => sites.every(({ journal }) => journal.version >= last), "replication");
    await write(["over new ones"]);
  });

  it("takes a manager in again whose certificate had ended, once it is renewed, without a restart", async () => {
    await until(() => leader() !== undefined, "a leader");
    const late = sites.find((one) => one !== leader());
    if (late === undefined) throw new Error("no follower");
    const long = await rootSigner(
      { certificatePem: authority.rootCertificatePem, keyPem: authority.rootKeyPem },
      { ...realEnv, wallNow: () => realEnv.wallNow() - 2 * LEAF_VALIDITY_MS },
    );
    late.credentials.update(await nodeFiles({ ...authority, signer: long }, "manager", late.id));
    for (const { listener } of sites) listener.closeConnectionsOf(late.id);
    for (const { id } of sites) late.listener.closeConnectionsOf(id);
    const missed = await write(["without it"]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(late.journal.version).to.be.below(missed);
    late.credentials.update(await nodeFiles(authority, "manager", late.id));
    await until(() => late.journal.version >= missed, "its return");
  });

  it("elects soon after the leader's connections break and its port refuses", async () => {
    await until(() => leader() !== undefined, "a leader");
    const old = leader();
    if (old === undefined) throw new Error("no leader");
    await old.replica.stop();
    await old.listener.close();
    sites.splice(sites.indexOf(old), 1);
    const since = realEnv.now();
    await write(["two of three"]);
    expect(realEnv.now() - since).to.be.below(2_500);
  });
});
