/** Managers as OS processes on loopback: real TLS, gRPC, level. Quorum, failover, bad input, damaged disks. */
import { assert } from "chai";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { LevelKvFactory } from "../../src/disk/level-kv.ts";
import { RotatingCredentials, bootstrapCredentials } from "../../src/pki/credentials.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import { rpc } from "../../src/proto/load.ts";
import { AppError } from "../../src/util/errors.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { waitFor } from "../../scripts/lib/run.ts";

const app = { container: { image: "app:1" } };

/** The error a call ends with; a call that succeeds fails the test. */
async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    return AppError.from(error);
  }
  throw new Error("The call was expected to fail");
}

describe("integration/a cluster of processes", () => {
  let cluster: LocalCluster;
  let leader: LocalNode;

  before(async function () {
    this.timeout(60_000);
    cluster = await startLocalCluster({ managers: 3, workers: 1 });
    leader = await cluster.leader();
  });
  after(async () => await cluster.stop());

  const create = async (spec: object, requestId = "") =>
    await cluster.call(leader, "Control.CreateService", {
      requestId,
      spec: { replicated: { replicas: 0 }, task: app, ...spec },
    });

  describe("services", () => {
    it("runs a service of plain processes, replaces a killed one, and removes it", async () => {
      const spec = {
        name: "proc",
        replicated: { replicas: 2 },
        task: { process: { command: ["sleep", "1000"] }, restart: { delayMs: 0 } },
      };
      const { service } = await cluster.call(leader, "Control.CreateService", { spec });
      const running = async () => {
        const { tasks } = await cluster.call(leader, "Control.ListTasks", {
          filters: ["service=proc", "desired-state=running"],
        });
        const up = tasks.filter((task) => task.status?.state === "RUNNING");
        return up.length === 2 ? up : undefined;
      };
      const before = await waitFor("two processes", 10_000, running, 20);
      process.kill(Number(before[0]?.status?.runtimeId), "SIGKILL");
      const after = await waitFor(
        "a replacement",
        10_000,
        async () => {
          const now = await running();
          return now?.some((task) => task.id === before[0]?.id) === false ? now : undefined;
        },
        20,
      );
      assert.equal(after.filter((task) => task.id === before[1]?.id).length, 1, "the other process was left alone");
      await cluster.call(leader, "Control.RemoveService", { id: service?.id ?? "" });
      await waitFor("the processes are gone", 10_000, () =>
        after.every((task) => !existsSync(`/proc/${task.status?.runtimeId ?? ""}`)) ? true : undefined,
      );
    });

    it("serves the same service from every manager at once after a write", async () => {
      await create({ name: "everywhere" });
      for (const manager of cluster.managers) {
        const { service } = await cluster.call(manager, "Control.GetService", { id: "everywhere" });
        assert.equal(service?.spec?.name, "everywhere", manager.name);
      }
    });

    it("accepts a change at a follower, once, under its request id", async () => {
      const follower = cluster.managers.find((node) => node !== leader) ?? leader;
      const request = { requestId: "once-0001", spec: { name: "once", replicated: { replicas: 0 }, task: app } };
      const first = await cluster.call(follower, "Control.CreateService", request);
      const again = await cluster.call(leader, "Control.CreateService", request);
      assert.equal(again.service?.id, first.service?.id);
    });
  });

  describe("bad input", () => {
    /** What a user is told: which field, what is wrong with it, and what to do. And nothing came of it. */
    async function refused(attempt: () => Promise<unknown>, code: string, path: string, words: RegExp): Promise<void> {
      const before = await names();
      const error = await errorOf(attempt());
      assert.equal(error.code, code, error.message);
      assert.equal(error.details.path, path);
      assert.match(error.message, words);
      assert.isNotEmpty(error.details.next ?? "", "what to do next");
      assert.deepEqual(await names(), before, "nothing half-done");
    }

    async function names(): Promise<string[]> {
      const { services } = await cluster.call(leader, "Control.ListServices", { pageSize: 1000 });
      return services.map(({ service }) => `${service?.spec?.name} ${service?.meta?.version}`);
    }

    const specs: [string, object, string, RegExp][] = [
      ["a missing image", { name: "b1", task: { container: {} } }, "spec.task.container.image", /an image is needed/],
      [
        "a negative limit",
        { name: "b2", task: { ...app, resources: { limits: { memoryBytes: -1 } } } },
        "spec.task.resources.limits.memoryBytes",
        /-1 is out of range/,
      ],
      [
        "a constraint that does not parse",
        { name: "b3", task: { ...app, placement: { constraints: ["node.labels.zone = a"] } } },
        "spec.task.placement.constraints[0]",
        /"node.labels.zone = a", character 18: "=" is no operator/,
      ],
      ["a name that is no DNS label", { name: "-b4-" }, "spec.name", /-b4-/],
      ["a spec of 5 MiB", { name: "b5", labels: { filler: "x".repeat(5 * 1024 * 1024) } }, "spec", /has 5MiB, at most/],
    ];
    for (const [what, spec, path, words] of specs) {
      it(`refuses ${what}, and names the field`, async () => {
        await refused(async () => await create(spec), "invalid", path, words);
      });
    }

    it("refuses a message larger than any may be before it is sent", async () => {
      const error = await errorOf(create({ name: "b6", labels: { filler: "x".repeat(9 * 1024 * 1024) } }));
      assert.equal(error.code, "exhausted");
      assert.match(error.message, /too large: at most/);
      assert.match(error.details.next ?? "", /smaller/);
    });

    it("refuses an unknown field by its number", async () => {
      const definition = rpc("Control.CreateService");
      const known = definition.encodeRequest({ spec: { name: "b7", replicated: { replicas: 0 }, task: app } });
      const odd = Buffer.concat([known, Buffer.from([0x9a, 0x06, 0x01, 0x78])]);
      const attempt = async () => await cluster.channel(leader).unary(definition.path, odd, { deadlineMs: 5000 });
      await refused(attempt, "invalid", "CreateServiceRequest", /unknown field number 99/);
    });

    it("refuses a stale version with what to do", async () => {
      const { service } = await create({ name: "stale" });
      const id = service?.id ?? "";
      const update = async (replicas: number) =>
        await cluster.call(leader, "Control.UpdateService", {
          id,
          version: service?.meta?.version ?? 0,
          spec: { name: "stale", labels: { at: String(replicas) }, replicated: { replicas: 0 }, task: app },
        });
      await update(1);
      await refused(
        async () => await update(2),
        "conflict",
        "version",
        /update out of sequence: service "stale" is at version \d+, not/,
      );
    });

    it("refuses a request id that comes back with other content", async () => {
      await create({ name: "rid-1" }, "rid-same");
      const attempt = async () => await create({ name: "rid-2" }, "rid-same");
      await refused(attempt, "conflict", "requestId", /rid-same was used for another change/);
    });

    it("refuses a caller without a certificate, and a worker's certificate, on Control", async () => {
      const { rootCertificatePem } = cluster.context;
      const nobody = new GrpcDialer({
        env: realEnv,
        log: silentLogger,
        credentials: bootstrapCredentials(rootCertificatePem),
      });
      const stranger = nobody.dial(leader.address, { peer: { kind: "manager" }, profile: "bulk" });
      const unknown = await errorOf(call(stranger, "Control.ListServices", {}, { deadlineMs: 5000 }));
      assert.equal(unknown.code, "unauthenticated");
      assert.match(unknown.message, /Control.ListServices needs a client certificate of this cluster/);
      assert.match(unknown.details.next ?? "", /shoal context import/);
      stranger.close();
      const [worker] = cluster.workers;
      const stored: unknown = JSON.parse(readFileSync(join(worker?.dir ?? "", "data/identity/node.json"), "utf8"));
      const files = stored as { certificatePem: string; keyPem: string; rootCertificatePem: string };
      const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: new RotatingCredentials(files) });
      const channel = dialer.dial(leader.address, { peer: { kind: "manager" }, profile: "bulk" });
      const denied = await errorOf(call(channel, "Control.ListServices", {}, { deadlineMs: 5000 }));
      assert.equal(denied.code, "denied");
      assert.match(denied.message, /Control.ListServices may not be called by node:\w+/);
      assert.match(denied.details.next ?? "", /administrator/);
      channel.close();
    });

    it("survives garbage bytes on both ports", async () => {
      for (const address of [leader.address, leader.httpAddress]) {
        const [host = "", port = ""] = address.split(":");
        await new Promise<void>((resolve) => {
          const socket = connect(Number(port), host, () =>
            socket.end(Buffer.from("\u0016\u0003garbage\r\n\r\n\u0000\u0001".repeat(64))),
          );
          socket.on("error", () => undefined);
          socket.on("close", () => resolve());
          socket.resume();
        });
      }
      const { leaderId } = await cluster.call(leader, "Control.GetCluster", {});
      assert.notEqual(leaderId, "");
    });
  });

  describe("quorum", () => {
    it("keeps every acknowledged write over a killed leader, and goes on with two of three", async function () {
      this.timeout(40_000);
      const names: string[] = [];
      for (let at = 0; at < 20; at += 1) {
        await create({ name: `kept-${at}` });
        names.push(`kept-${at}`);
      }
      const killed = leader;
      await cluster.kill(killed, "SIGKILL");
      leader = await cluster.leader();
      assert.notEqual(leader.name, killed.name);
      const { services } = await cluster.call(leader, "Control.ListServices", { pageSize: 1000 });
      const found = new Set(services.map(({ service }) => service?.spec?.name));
      assert.deepEqual(
        names.filter((name) => !found.has(name)),
        [],
      );
      await create({ name: "with-two" });
      cluster.boot(killed);
      await waitFor("the killed manager follows again", 20_000, async () => {
        const { service } = await cluster.call(killed, "Control.GetService", { id: "with-two" }, 2000);
        return service ?? undefined;
      });
    });

    it("answers stale reads and refuses the rest with `no quorum` when one of three is left", async function () {
      this.timeout(60_000);
      const others = cluster.managers.filter((node) => node !== leader);
      for (const node of others) await cluster.kill(node, "SIGKILL");
      try {
        const started = performance.now();
        const write = await errorOf(create({ name: "no-quorum" }));
        assert.include(["unavailable", "unknown-outcome", "deadline"], write.code);
        const later = await errorOf(create({ name: "no-quorum-2" }));
        assert.equal(later.code, "unavailable");
        assert.match(later.message, /quorum/i);
        const read = await errorOf(cluster.call(leader, "Control.GetService", { id: "with-two" }));
        assert.match(read.message, /quorum/i);
        assert.isBelow(performance.now() - started, 20_000, "nothing hangs");
        const stale = await cluster.call(leader, "Control.GetService", { id: "with-two", consistency: "STALE" });
        assert.equal(stale.service?.spec?.name, "with-two");
      } finally {
        for (const node of others) cluster.boot(node);
        leader = await cluster.leader();
      }
      await create({ name: "quorum-again" });
    });
  });

  describe("disks", () => {
    it("refuses to start on a log with a damaged entry, names it, and the others go on", async function () {
      this.timeout(60_000);
      // Not the first, which would make another cluster of an empty directory.
      const victim = cluster.managers.slice(1).find((node) => node !== leader) ?? leader;
      await cluster.kill(victim, "SIGTERM");
      const damagedAt = await damageLog(join(victim.dir, "data"));
      cluster.boot(victim);
      const { child } = victim;
      await new Promise((resolve) => child?.once("exit", resolve));
      victim.child = null;
      const last = cluster.log(victim).trimEnd().split("\n").at(-1) ?? "";
      const said = JSON.parse(last) as Record<string, string>;
      assert.equal(said["code"], "corrupt");
      const path = join(victim.dir, "data/raft-log");
      assert.include(said["message"], `The Raft log in ${path} is corrupted at index ${damagedAt}`);
      assert.equal(said["path"], path);
      assert.equal(said["next"], "wipe this data directory and rejoin: shoal node rm, shoal join");
      await create({ name: "without-the-damaged" });
      // The way out, as it was told.
      await waitFor("it is known to be down", 20_000, async () => {
        const { nodes } = await cluster.call(leader, "Control.ListNodes", { filters: [`name=${victim.name}`] });
        const [{ node } = { node: null }] = nodes;
        if (node === null) return undefined;
        await cluster.call(leader, "Control.RemoveNode", { id: node.id });
        return true;
      });
      rmSync(join(victim.dir, "data"), { recursive: true });
      cluster.boot(victim);
      await waitFor("it has joined again", 20_000, async () => {
        const { service } = await cluster.call(victim, "Control.GetService", { id: "without-the-damaged" }, 2000);
        return service ?? undefined;
      });
    });

    it("refuses a data directory of another cluster", async function () {
      this.timeout(60_000);
      await using other = await startLocalCluster({ managers: 1 });
      const [foreign] = other.managers;
      if (foreign === undefined) throw new Error("no manager");
      await other.kill(foreign, "SIGTERM");
      const victim = cluster.managers.find((node) => node !== leader) ?? leader;
      const { clusterId: ours } = cluster.context;
      const { clusterId: theirs } = other.context;
      // Its raft state now is the other cluster's, its identity one of ours.
      rmSync(join(foreign.dir, "data/identity"), { recursive: true });
      cpSync(join(victim.dir, "data/identity"), join(foreign.dir, "data/identity"), { recursive: true });
      other.boot(foreign);
      const { child } = foreign;
      const code = await new Promise((resolve) => child?.once("exit", resolve));
      foreign.child = null;
      assert.equal(code, 1);
      const said = JSON.parse(other.log(foreign).trimEnd().split("\n").at(-1) ?? "") as Record<string, string>;
      assert.equal(said["code"], "precondition");
      assert.match(said["message"] ?? "", new RegExp(`raft-log belongs to node \\w+ of cluster ${theirs}, .*${ours}$`));
      assert.match(said["next"] ?? "", /--data-dir, or wipe this one and join again/);
      const { managersReachable } = await cluster.call(leader, "Control.GetCluster", {});
      assert.equal(managersReachable, 3, "nobody of ours noticed");
    });
  });
});

/** Flips a bit in the largest record of the log store. @returns the first index in that record */
async function damageLog(dataDir: string): Promise<number> {
  const kv = await new LevelKvFactory(dataDir).open("raft-log");
  const all = await kv.range({ gte: Buffer.from("l/"), lt: Buffer.from("l0"), limit: 10_000 });
  const largest = all.toSorted((a, b) => b.value.length - a.value.length)[0];
  if (largest === undefined) throw new Error("The log is empty");
  const value = Buffer.from(largest.value);
  const at = Math.floor(value.length / 2);
  value[at] = (value[at] ?? 0) ^ 0x10;
  await kv.batch([{ kind: "put", key: largest.key, value }], { sync: true });
  await kv.close();
  return Number(Buffer.from(largest.key).readBigUInt64BE(largest.key.length - 8));
}
