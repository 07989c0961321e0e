/** Daemons in this process, on real TLS, gRPC, level and files: how they start, stop, join, leave and fail. */
import { expect } from "chai";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/daemon/config.ts";
import { isHealthy } from "../../src/daemon/healthcheck.ts";
import { AppError } from "../../src/util/errors.ts";
import { sleep } from "../../src/util/env.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { freePorts } from "../../scripts/lib/free-ports.ts";
import { eventually, Host, isOpen } from "../support/daemon-host.ts";
import { expectCode } from "../support/expect-code.ts";

describe("integration/daemon", function () {
  this.timeout(60_000);
  let root: string;
  let hosts: Host[];

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "shoal-daemon-"));
    const ports = await freePorts(6);
    hosts = [0, 1, 2].map((at) => new Host(join(root, `h${at}`), ports.slice(2 * at, 2 * at + 2)));
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(hosts.flatMap(({ errors }) => errors));
    for (const host of hosts.toReversed()) await host.stop();
    rmSync(root, { recursive: true, force: true });
  });

  function host(at: number): Host {
    const found = hosts[at];
    if (found === undefined) throw new Error("no such host");
    return found;
  }

  async function expectNothingOpen(one: Host): Promise<void> {
    expect(await isOpen(one.port), "gRPC port").to.equal(false);
    expect(await isOpen(one.httpPort), "HTTP port").to.equal(false);
    await expectCode(one.call("Daemon.Status", {}, 1000), "unavailable");
  }

  it("waits for init, makes a cluster, refuses a second, and is the same after a restart", async () => {
    await host(0).boot();
    expect(await host(0).state()).to.equal("uninitialized");
    expect(await isOpen(host(0).port)).to.equal(false);
    const made = await host(0).call("Daemon.Init", { clusterName: "prod", advertise: "" });
    expect(made.advertise).to.equal(host(0).address);
    expect(await host(0).state()).to.equal("ready");
    const again = await expectCode(host(0).call("Daemon.Init", {}), "precondition");
    expect(again.message).to.match(/already in a cluster/);
    expect((await host(0).call("Control.GetCluster", {})).cluster?.spec?.name).to.equal("prod");
    await host(0).stop();
    await expectNothingOpen(host(0));
    await host(0).boot({ init: "1" });
    const status = await host(0).call("Daemon.Status", {});
    expect(status).to.include({ state: "ready", clusterId: made.clusterId, nodeId: made.nodeId, role: "manager" });
  });

  it("keeps what join was told over a restart: managers, address and name", async () => {
    await host(0).boot({ init: "1", tokenDir: join(root, "tokens") });
    const token = readFileSync(join(root, "tokens/worker/token"), "utf8").trim();
    expect(statSync(join(root, "tokens/worker/token")).mode & 0o777).to.equal(0o600);
    await host(1).boot({ listen: `127.0.0.1:${host(1).port}`, nodeName: "machine-name" });
    const advertise = `localhost:${host(1).port}`;
    await host(1).call("Daemon.Join", { managers: [host(0).address], token, advertise, name: "w1" });
    await host(1).stop();
    // As if it had crashed before any manager told it who else there is.
    rmSync(join(host(1).dataDir, "agent"), { recursive: true });
    await host(1).boot({ nodeName: "machine-name" });
    await eventually("ready again", async () => {
      const { nodes } = await host(0).call("Control.ListNodes", {});
      const node = nodes.find((one) => one.node?.spec?.name === "w1")?.node;
      return node?.status?.state === "READY" && node.address === advertise && node.description?.hostname === "w1";
    });
  });

  it("goes on with an init that was cut short, and removes the root key from its record when it is done", async () => {
    const record = join(host(0).dataDir, "identity/start.json");
    // A port that is taken ends the first start after the identity is on disk.
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(host(0).port, "127.0.0.1", resolve));
    await host(0).boot();
    await expectCode(host(0).call("Daemon.Init", { clusterName: "prod" }), "precondition");
    expect(await host(0).state()).to.equal("uninitialized");
    const refused = await expectCode(host(0).call("Daemon.Init", {}), "precondition");
    expect(refused.details.next).to.match(/restart the daemon/);
    expect(statSync(record).mode & 0o777).to.equal(0o600);
    expect(JSON.parse(readFileSync(record, "utf8"))).to.have.property("cluster");
    await host(0).stop();
    await new Promise((resolve) => blocker.close(resolve));
    await host(0).boot();
    expect((await host(0).call("Control.GetCluster", {})).cluster?.spec?.name).to.equal("prod");
    expect(JSON.parse(readFileSync(record, "utf8"))).not.to.have.property("cluster");
  });

  it("leaves nothing open when a start fails, whichever door is taken", async () => {
    for (const port of [host(0).port, host(0).httpPort]) {
      const blocker = createServer();
      await new Promise<void>((resolve) => blocker.listen(port, "127.0.0.1", resolve));
      const error = await expectCode(host(0).boot({ init: "1" }), "precondition");
      expect(error.message).to.contain(String(port));
      await new Promise((resolve) => blocker.close(resolve));
      await expectNothingOpen(host(0));
      rmSync(host(0).dataDir, { recursive: true });
    }
    mkdirSync(join(host(0).dataDir, "identity"), { recursive: true });
    writeFileSync(join(host(0).dataDir, "identity/node.json"), "{}");
    expect((await expectCode(host(0).boot(), "corrupt")).message).to.contain("node.json");
    await expectNothingOpen(host(0));
  });

  it("takes a manager in that was killed between its identity and its membership", async () => {
    await host(0).boot({ init: "1", tokenDir: join(root, "tokens") });
    // Its port is taken: it gets an identity, and no further.
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(host(1).port, "127.0.0.1", resolve));
    const joining = { join: host(0).address, tokenFile: join(root, "tokens/manager/token") };
    await expectCode(host(1).boot(joining), "precondition");
    await new Promise((resolve) => blocker.close(resolve));
    expect(host(0).daemon?.node?.manager?.replica.members()).to.have.length(1);
    await host(1).boot();
    expect(await host(1).state()).to.equal("ready");
    await eventually("a second voter", () => {
      const members = host(0).daemon?.node?.manager?.replica.members() ?? [];
      return members.length === 2 && members.every(({ role }) => role === "voter");
    });
  });

  it("lets managers and workers leave, with their data, and join again as new nodes", async () => {
    await host(0).boot({ init: "1", tokenDir: join(root, "tokens") });
    const join_ = { join: host(0).address };
    await host(1).boot({ ...join_, tokenFile: join(root, "tokens/manager/token"), nodeName: "m2" });
    await host(2).boot({ ...join_, tokenFile: join(root, "tokens/manager/token"), nodeName: "m3" });
    await eventually("three voters", () => {
      const members = host(0).daemon?.node?.manager?.replica.members() ?? [];
      return members.filter(({ role }) => role === "voter").length === 3;
    });
    // The leader leaves: another one takes over and lets it go.
    await host(0).call("Daemon.Leave", { force: false });
    expect(await host(0).state()).to.equal("uninitialized");
    expect(host(0).fatal).to.deep.equal([]);
    expect(existsSync(join(host(0).dataDir, "raft-log"))).to.equal(false);
    expect(existsSync(join(host(0).dataDir, "identity/node.json"))).to.equal(false);
    expect(await isOpen(host(0).port)).to.equal(false);
    await expectCode(host(0).call("Control.GetCluster", {}), "unsupported");
    const members = host(1).daemon?.node?.manager?.replica.members() ?? [];
    expect(members).to.have.length(2);
    const { nodes } = await host(1).call("Control.ListNodes", {});
    expect(nodes.find(({ node }) => node?.address === host(0).address)?.node?.status?.state).to.equal("LEFT");
    const token = readFileSync(join(root, "tokens/worker/token"), "utf8").trim();
    await host(0).call("Daemon.Join", { managers: [host(1).address], token });
    expect(await host(0).call("Daemon.Status", {})).to.include({ state: "ready", role: "worker" });
    await host(0).call("Daemon.Leave", { force: false });
    expect(await host(0).state()).to.equal("uninitialized");
  });

  it("does not let the last manager leave unless forced", async () => {
    await host(0).boot({ init: "1" });
    const error = await expectCode(host(0).call("Daemon.Leave", { force: false }), "precondition");
    expect(error.details.next).to.match(/--force/);
    expect(await host(0).state()).to.equal("ready");
    await host(0).call("Control.GetCluster", {});
    await host(0).call("Daemon.Leave", { force: true });
    await host(0).call("Daemon.Init", { clusterName: "other" });
    expect((await host(0).call("Control.GetCluster", {})).cluster?.spec?.name).to.equal("other");
  });

  it("finishes a leave that was cut short before anything else", async () => {
    await host(0).boot({ init: "1" });
    await host(0).stop();
    const path = join(host(0).dataDir, "identity/start.json");
    const record = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...record, kind: "leaving" }));
    await host(0).boot();
    expect(await host(0).state()).to.equal("uninitialized");
    await host(0).call("Daemon.Init", {});
  });

  it("stops promptly in the middle of a join that gets no answer, or of waiting for a token", async () => {
    await host(0).boot({ init: "1", tokenDir: join(root, "tokens") });
    const tokenFile = join(root, "tokens/worker/token");
    const unanswered = createServer((socket) => socket.on("error", () => undefined).resume());
    await new Promise<void>((resolve) => unanswered.listen(host(2).port, "127.0.0.1", resolve));
    for (const flags of [
      { join: host(2).address, tokenFile },
      { join: host(0).address, tokenFile: join(root, "never") },
    ]) {
      const daemon = host(1).make(flags);
      const started = daemon.start().catch((error: unknown) => AppError.from(error).code);
      await eventually("it tries", () => existsSync(host(1).socket));
      await sleep(realEnv, 300);
      const from = realEnv.now();
      await daemon.stop({ goodbye: true });
      expect(realEnv.now() - from).to.be.below(2000);
      expect(await started).to.equal("cancelled");
      await expectNothingOpen(host(1));
      rmSync(host(1).dataDir, { recursive: true });
    }
    await new Promise((resolve) => unanswered.close(resolve));
  });

  it("answers health checks, beyond loopback with a certificate only", async () => {
    const httpListen = `127.0.0.2:${host(0).httpPort}`;
    await host(0).boot({ httpListen });
    expect(await isHealthy(readConfig({ httpListen, dataDir: host(0).dataDir }, {}, ""))).to.equal(false);
    await host(0).call("Daemon.Init", {});
    expect(await isHealthy(readConfig({ httpListen, dataDir: host(0).dataDir }, {}, ""))).to.equal(true);
    expect(await isHealthy(readConfig({ httpListen, dataDir: join(root, "elsewhere") }, {}, ""))).to.equal(false);
    await host(1).boot();
    const loopback = `127.0.0.1:${host(1).httpPort}`;
    const response = await fetch(`http://${loopback}/healthz`);
    expect(response.status).to.equal(503);
    expect(await response.json()).to.deep.include({ ok: false, state: "uninitialized" });
    expect(await isHealthy(readConfig({ httpListen: loopback }, {}, ""))).to.equal(false);
  });
});
