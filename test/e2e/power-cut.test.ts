// Three worker hosts, each with its own engine, and managers on the machine itself. A whole host goes as in a power
// cut: link, engine, containers and agent at once, and nobody says goodbye.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { stopChild, waitFor } from "../../scripts/lib/run.ts";
import { SHOAL_BIN, ShoalCli } from "../../scripts/lib/shoal.ts";
import type { TaskJson } from "../../scripts/lib/shoal.ts";
import { ensureWorkloadImage, requireHosts, WORKLOAD_IMAGE } from "../support/engine.ts";
import { startHosts } from "../support/hosts.ts";
import type { Host, Hosts } from "../support/hosts.ts";

const READY_MS = 60_000;
/** What the issue allows from the cut to the replacement's start. */
const REPLACED_MS = 8_000;
const STOP_MS = 5_000;
const MANAGERS = [0, 1, 2];

describe("a power cut of a worker host", function () {
  this.timeout(120_000);
  let net: Hosts;
  let shoal: ShoalCli;
  const managers: ChildProcess[] = [];

  before(async function () {
    this.timeout(180_000);
    await requireHosts(this);
    await ensureWorkloadImage();
    net = await startHosts(3, { images: [WORKLOAD_IMAGE] });
    managers.push(...MANAGERS.map(startManager));
    for (const host of net.hosts) startWorker(host);
    shoal = new ShoalCli({ context: "", hosts: `unix:${join(net.folder, "manager1", "shoal.sock")}` });
    await waitFor("six ready nodes", READY_MS, async () => {
      const nodes = await shoal.nodes();
      return nodes.filter((node) => node.status?.state === "READY").length === 6 ? true : undefined;
    });
    await shoal.text([
      "service",
      "create",
      "--detach",
      "--name",
      "web",
      "--replicas",
      "6",
      WORKLOAD_IMAGE,
      "serve",
      "8080",
    ]);
    await waitFor("six running tasks", READY_MS, async () => ((await running()).length === 6 ? true : undefined));
  });

  after(async function () {
    this.timeout(60_000);
    await Promise.all(managers.map(async (manager) => await stopChild(manager, STOP_MS)));
    await net?.close();
  });

  function address(at: number): string {
    return `${net.address}:${16_377 + at * 10}`;
  }

  function startManager(at: number): ChildProcess {
    const name = `manager${at + 1}`;
    const entry: Record<string, string> =
      at === 0
        ? { SHOAL_INIT: "1", SHOAL_TOKEN_DIR: join(net.folder, "tokens") }
        : { SHOAL_JOIN: address(0), SHOAL_TOKEN_FILE: join(net.folder, "tokens/manager/token") };
    const env = { ...settings(name), SHOAL_LISTEN: address(at), SHOAL_EXECUTOR: "none", ...entry };
    const log = openLog(name);
    const child = spawn(process.execPath, [SHOAL_BIN, "daemon"], {
      env: { ...env, SHOAL_HTTP_LISTEN: `127.0.0.1:${16_378 + at * 10}` },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    return child;
  }

  function startWorker(host: Host): void {
    const log = openLog(host.name);
    host.spawn([process.execPath, SHOAL_BIN, "daemon"], {
      env: {
        ...settings(host.name),
        SHOAL_LISTEN: `${host.address}:7377`,
        SHOAL_EXECUTOR: "docker",
        SHOAL_DOCKER_HOST: host.dockerHost,
        SHOAL_JOIN: MANAGERS.map(address).join(","),
        SHOAL_TOKEN_FILE: join(net.folder, "tokens/worker/token"),
      },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
  }

  function settings(name: string): Record<string, string> {
    const folder = join(net.folder, name);
    return {
      PATH: process.env["PATH"] ?? "",
      SHOAL_NODE_NAME: name,
      SHOAL_DATA_DIR: join(folder, "shoal"),
      SHOAL_SOCKET: join(folder, "shoal.sock"),
    };
  }

  function openLog(name: string): number {
    mkdirSync(join(net.folder, name), { recursive: true });
    return openSync(join(net.folder, name, "shoal.log"), "a");
  }

  async function running(): Promise<TaskJson[]> {
    const tasks = await shoal.tasks("web");
    return tasks.filter((task) => task.desired === "RUNNING" && task.status?.state === "RUNNING");
  }

  async function containersOf(host: Host): Promise<string> {
    return await host.docker(["ps", "-q", "--no-trunc", "--filter", "label=shoal.task"]);
  }

  it("spreads six tasks over the three hosts", async () => {
    const nodes = (await running()).map(({ node }) => node);
    expect(nodes.toSorted()).to.deep.equal(["h1", "h1", "h2", "h2", "h3", "h3"]);
  });

  it("restarts and replaces nothing when a host's network is gone for 4 s", async () => {
    const [, second] = net.hosts;
    if (second === undefined) throw new Error("three hosts were asked for");
    const before = await containersOf(second);
    await second.linkDown();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    await second.linkUp();
    await waitFor("h2 to be ready again", READY_MS, async () => {
      const node = (await shoal.nodes()).find(({ spec }) => spec?.name === "h2");
      return node?.status?.state === "READY" ? true : undefined;
    });
    expect(await containersOf(second)).to.equal(before);
    expect(await shoal.tasks("web"), "tasks that ever were").to.have.lengthOf(6);
  });

  it("runs the dead host's tasks elsewhere within 8 s, and leaves the others alone", async () => {
    const [first, second, third] = net.hosts;
    if (first === undefined || second === undefined || third === undefined)
      throw new Error("three hosts were asked for");
    await waitFor("six containers, whatever came before", READY_MS, async () => {
      const all = (await Promise.all(net.hosts.map(containersOf))).join("\n").split("\n");
      return all.length === 6 && (await running()).length === 6 ? true : undefined;
    });
    const before = [...(await containersOf(first)).split("\n"), ...(await containersOf(second)).split("\n")];
    const cutAt = performance.now();
    await third.powerOff();
    await waitFor("six tasks on the two hosts left", READY_MS, async () => {
      const elsewhere = (await running()).filter(({ node }) => node !== "h3");
      return elsewhere.length === 6 ? true : undefined;
    });
    expect(performance.now() - cutAt, "ms from the cut").to.be.at.most(REPLACED_MS);
    const after = [...(await containersOf(first)).split("\n"), ...(await containersOf(second)).split("\n")];
    expect(after).to.include.members(before);
    expect(after).to.have.lengthOf(6);
  });
});
