import { existsSync } from "node:fs";

import { expect } from "chai";

import { run, runOk, waitFor } from "../../scripts/lib/run.ts";
import { ensureWorkloadImage, requireHosts, WORKLOAD_IMAGE } from "../support/engine.ts";
import { startHosts } from "../support/hosts.ts";
import type { Host, Hosts } from "../support/hosts.ts";

describe("test/support/hosts", function () {
  this.timeout(180_000);

  before(async function () {
    await requireHosts(this);
    await ensureWorkloadImage();
  });

  describe("two of them", () => {
    let net: Hosts;
    let first: Host;
    let second: Host;

    before(async () => {
      net = await startHosts(2, { images: [WORKLOAD_IMAGE], liveRestore: true });
      const [one, two] = net.hosts;
      if (one === undefined || two === undefined) throw new Error("two hosts were asked for");
      [first, second] = [one, two];
    });
    after(async () => await net?.close());

    it("run containers of their own, reach each other, until a link is cut", async () => {
      for (const host of net.hosts) {
        await host.docker(["run", "-d", "--name", `on-${host.name}`, "-p", "8080:8080", WORKLOAD_IMAGE, "serve"]);
      }
      // Each engine knows its own container only, and each host reaches the other's published port.
      expect(await first.docker(["ps", "--format", "{{.Names}}"])).to.equal("on-h1");
      expect(await second.docker(["ps", "--format", "{{.Names}}"])).to.equal("on-h2");
      for (const [what, here] of Object.entries(await traces())) {
        if (what !== "mounts") expect(here, `${what} while the hosts run`).to.not.equal("");
      }
      const get = httpGet(`http://${second.address}:8080/`);
      await waitFor("the web server on h2", 10_000, async () => {
        return (await first.exec(get)).stdout.startsWith("Hello from") ? true : undefined;
      });
      expect((await run(get)).stdout, "from the machine itself").to.match(/^Hello from/);

      await second.linkDown();
      expect((await first.exec(get)).code, "a cut link").to.not.equal(0);
      await second.linkUp();
      expect((await first.exec(get)).stdout).to.match(/^Hello from/);
    });

    it("take their running containers over when a killed engine comes back with live restore", async () => {
      const id = await first.docker(["ps", "-q", "--no-trunc"]);
      await first.killEngine();
      expect((await second.exec(httpGet(`http://${second.address}:8080/`))).code, "the other one").to.equal(0);
      await first.startEngine();
      expect(await first.docker(["ps", "-q", "--no-trunc"])).to.equal(id);
    });

    it("leave nothing behind, with an engine that stands still and a host without power", async () => {
      first.freezeEngine();
      await second.powerOff();
      await net.close();
      expect(existsSync(net.folder)).to.equal(false);
      for (const [what, left] of Object.entries(await traces())) expect(left, what).to.equal("");
    });
  });

  it("refuses a number of hosts it cannot make", async () => {
    const refused = await startHosts(0).then(
      () => "started",
      (error: Error) => error.message,
    );
    expect(refused).to.equal("Cannot start 0 hosts: 1 to 20 are possible");
  });
});

/** A command that prints the page, or fails within 3 s. */
function httpGet(url: string): string[] {
  const script =
    "fetch(process.argv[1], { signal: AbortSignal.timeout(3000) }).then(async (r) => console.log(await r.text()))";
  return [process.execPath, "-e", script, url];
}

/** Everything the hosts of this process could leave behind, as the machine shows it. Others may have hosts, too. */
async function traces(): Promise<Record<string, string>> {
  const find = async (script: string): Promise<string> => await runOk(["sh", "-c", `${script} || true`]);
  const name = `shl${process.pid}`;
  const folder = `shoal-hosts-${process.pid}-`;
  return {
    namespaces: await find(`ip netns list | grep ${name}`),
    links: await find(`ip -o link | cut -d: -f2 | grep ${name}`),
    forward: await find(`iptables -w -S FORWARD | grep ${name}`),
    processes: await find(`ps -eo args | grep -E '[d]ockerd|[s]him' | grep ${folder}`),
    cgroups: await find(`find /sys/fs/cgroup -maxdepth 2 -name '${name}h*' 2>/dev/null`),
    mounts: await find(`grep ${folder} /proc/mounts`),
  };
}
