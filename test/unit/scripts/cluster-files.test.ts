// What docker-compose.cluster.yml and the loopback nodes promise, read from the files themselves.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { loopbackNodes } from "../../../scripts/lib/loopback-nodes.ts";
import { nodeSettings } from "../../../scripts/lib/node-settings.ts";
import { envName, readConfig, SETTINGS } from "../../../src/daemon/config.ts";
import type { SettingName } from "../../../src/daemon/config.ts";
import { ROOT } from "../../support/engine.ts";

const compose = readFileSync(join(ROOT, "docker-compose.cluster.yml"), "utf8");
const known = (Object.keys(SETTINGS) as SettingName[]).map(envName);

/** The text of one service, from its name to the next thing at the same depth. */
function service(name: string): string {
  const found = new RegExp(`^  ${name}:\\n((?:    .*\\n|\\n)+)`, "m").exec(compose);
  if (found?.[1] === undefined) throw new Error(`docker-compose.cluster.yml has no service ${name}`);
  return found[1];
}

describe("docker-compose.cluster.yml", () => {
  it("gives the daemon only settings it knows", () => {
    const given = [...compose.matchAll(/^ +(SHOAL_[A-Z_]+):/gm)].map((match) => match[1]);
    expect(given).to.not.have.lengthOf(0);
    expect(known).to.include.members(given);
  });

  it("never shows a worker the manager's token", () => {
    for (const name of ["worker1", "worker2"]) {
      expect(service(name), name).to.contain("worker-token:/token:ro");
      expect(service(name), name).to.not.contain("manager-token");
    }
  });

  it("gives managers no engine and workers one", () => {
    for (const name of ["manager1", "manager2", "manager3"]) expect(service(name), name).to.not.contain("docker.sock");
    for (const name of ["worker1", "worker2"]) expect(service(name), name).to.contain(":/var/run/docker.sock");
    expect(compose).to.match(/x-manager:.*\n(?: .*\n)*? +SHOAL_EXECUTOR: none/);
  });

  it("asks for no privileges and publishes on loopback alone", () => {
    expect(compose).to.not.match(/^ *privileged:/m);
    const published = [...compose.matchAll(/^ +- "(.*:737[78])"$/gm)].map((match) => match[1]);
    expect(published).to.have.lengthOf(6);
    for (const port of published) expect(port).to.match(/^127\.0\.0\.1:/);
  });
});

describe("scripts/lib/node-settings", () => {
  it("tells Node and its allocator what the compose file and the Dockerfile tell them", () => {
    const image = readFileSync(join(ROOT, "Dockerfile"), "utf8");
    const settings = [...image.matchAll(/^ENV (.*)$/gm)].flatMap((match) => match[1]?.split(" ") ?? []);
    const { NODE_OPTIONS: _, ...others } = nodeSettings("manager");
    expect(settings).to.have.members(["NODE_ENV=production", ...Object.entries(others).map((pair) => pair.join("="))]);
    for (const [role, anchor] of [
      ["manager", "x-manager"],
      ["worker", "x-worker"],
    ] as const) {
      const said = new RegExp(`^${anchor}:.*\\n(?: .*\\n)*? +NODE_OPTIONS: "(.*)"$`, "m").exec(compose)?.[1];
      expect(nodeSettings(role)["NODE_OPTIONS"], role).to.equal(said);
    }
  });
});

describe("scripts/lib/loopback-nodes", () => {
  const nodes = loopbackNodes("/state", 7377);

  it("has settings the daemon accepts, and no address twice", () => {
    const taken = new Set<string>();
    for (const node of nodes) {
      expect(known, node.name).to.include.members(Object.keys(node.env));
      const { listen, httpListen } = readConfig({}, node.env, "");
      for (const address of [listen, httpListen]) {
        expect(taken.has(address), address).to.equal(false);
        taken.add(address);
      }
    }
    expect(taken.size).to.equal(10);
  });

  it("lets the first manager make the cluster and every other node join with its role's token", () => {
    const [first, ...others] = nodes.map((node) => node.env);
    expect(first?.["SHOAL_INIT"]).to.equal("1");
    for (const env of others) {
      const role = env["SHOAL_EXECUTOR"] === "none" ? "manager" : "worker";
      expect(env["SHOAL_TOKEN_FILE"]).to.equal(`/state/tokens/${role}/token`);
      expect(env["SHOAL_JOIN"]?.split(",")).to.include("127.0.0.1:7377");
    }
  });
});
