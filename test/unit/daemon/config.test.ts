import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { envName, readConfig, SETTINGS, type SettingName } from "../../../src/daemon/config.ts";
import { expectThrows } from "../../support/expect-code.ts";

describe("daemon/config", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-config-"));
  });

  after(() => rmSync(folder, { recursive: true }));

  function file(text: string): string {
    const path = join(folder, "shoal.conf");
    writeFileSync(path, text);
    return path;
  }

  it("takes a flag before the environment, that before the file, and that before the default", () => {
    const path = file("# ours\nnode-name = filed\nlog-level=warn\ndata-dir = /filed\n\n");
    const environment = { SHOAL_NODE_NAME: "env", SHOAL_DATA_DIR: "/env" };
    const config = readConfig({ nodeName: "flag" }, environment, path);
    expect([config.nodeName, config.dataDir, config.logLevel, config.socket]).to.deep.equal([
      "flag",
      "/env",
      "warn",
      "/run/shoal/shoal.sock",
    ]);
  });

  it("names every setting alike in all three places", () => {
    for (const name of Object.keys(SETTINGS) as SettingName[]) {
      expect(SETTINGS[name].flag).to.equal(name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
      expect(envName(name)).to.match(/^SHOAL_[A-Z_]+$/);
    }
  });

  it("takes an empty variable for one that is not set", () => {
    const config = readConfig({}, { SHOAL_LISTEN: "", SHOAL_INIT: "", SHOAL_EXECUTOR: "", SHOAL_JOIN: "" }, "");
    expect(config.listen).to.equal("0.0.0.0:7377");
    expect(config.init).to.equal(false);
    expect(config.executor).to.equal("auto");
    expect(config.join).to.deep.equal([]);
  });

  it("advertises what it is told, where it listens, or the host's name, and knows which", () => {
    const advertised = (flags: { listen?: string; advertise?: string }): [string, boolean] => {
      const { advertise, isAdvertiseSet } = readConfig(flags, {}, "");
      return [advertise, isAdvertiseSet];
    };
    expect(advertised({ advertise: "m1:7377" })).to.deep.equal(["m1:7377", true]);
    expect(advertised({ listen: "10.0.0.1:7000" })).to.deep.equal(["10.0.0.1:7000", false]);
    expect(advertised({})).to.deep.equal([`${hostname()}:7377`, false]);
    expect(advertised({ listen: "[::]:7000" })).to.deep.equal([`${hostname()}:7000`, false]);
  });

  it("reads lists, labels and switches", () => {
    const config = readConfig({ join: "a:1, [fd00::1]:2", labels: "zone=a,disk=,", httpPlain: "true" }, {}, "");
    expect(config.join).to.deep.equal(["a:1", "[fd00::1]:2"]);
    expect(config.labels).to.deep.equal({ zone: "a", disk: "" });
    expect(readConfig({ nodeGenericResources: "gpu=a,b,licence=2" }, {}, "").generic).to.deep.equal([
      { kind: "gpu", count: 0, names: ["a", "b"] },
      { kind: "licence", count: 2, names: [] },
    ]);
    expect(config.httpPlain).to.equal(true);
    expect(readConfig({ init: "0" }, {}, "").init).to.equal(false);
    expect(readConfig({ init: "false" }, {}, "").init).to.equal(false);
    expect(readConfig({ dockerHost: "unix:///run/d.sock" }, {}, "").dockerHost).to.equal("/run/d.sock");
  });

  it("refuses what makes no sense, and names the setting", () => {
    const cases: [Partial<Record<SettingName, string>>, string][] = [
      [{ listen: "7377" }, "listen"],
      [{ listen: "a:99999" }, "listen"],
      [{ advertise: "fd00::1:7377" }, "advertise"],
      [{ httpListen: "x y:1" }, "http-listen"],
      [{ join: "a:1,b" }, "join"],
      [{ executor: "podman" }, "executor"],
      [{ logLevel: "loud" }, "log-level"],
      [{ diskLow: "little" }, "disk-low"],
      [{ diskLow: "100m", diskStop: "200m" }, "disk-stop"],
      [{ labels: "zone" }, "labels"],
      [{ labels: "a b=c" }, "labels.a b"],
      [{ advertise: "m1:0" }, "advertise"],
      [{ nodeName: "my node" }, "node-name"],
      [{ clusterName: "my cluster" }, "cluster-name"],
    ];
    for (const [flags, path] of cases) {
      expect(expectThrows(() => readConfig(flags, {}, ""), "invalid").details.path).to.equal(path);
    }
  });

  it("refuses a config file that is not there or says something unknown, and names the line", () => {
    expect(expectThrows(() => readConfig({}, {}, join(folder, "none")), "invalid").message).to.contain("none");
    const path = file("node-name = a\nnode-nmae = b\n");
    expect(expectThrows(() => readConfig({}, {}, path), "invalid").details.path).to.equal(`${path}:2`);
  });

  it("quotes nothing of a line that may hold a token", () => {
    for (const line of ["tokn = SHOAL-1-secret", "token: SHOAL-1-secret", "SHOAL-1-secret"]) {
      const error = expectThrows(() => readConfig({}, {}, file(`${line}\n`)), "invalid");
      expect(error.message).to.not.contain("secret");
      expect(error.details.next).to.be.a("string");
    }
  });
});
