import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  checkReplaces,
  currentName,
  listContexts,
  loadContext,
  parseContext,
  rememberManagers,
  removeContext,
  saveContext,
  useContext,
  type Context,
} from "../../../src/cli/context.ts";
import { AppError } from "../../../src/util/errors.ts";

const context: Context = {
  name: "prod",
  clusterId: "c1",
  hosts: ["10.0.0.1:7377", "10.0.0.2:7377"],
  certificatePem: "cert",
  keyPem: "key",
  rootCertificatePem: "root",
};

function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("It was expected to be refused");
}

describe("cli/context", () => {
  let dir = "";
  const before = { config: process.env["SHOAL_CONFIG"], context: process.env["SHOAL_CONTEXT"] };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "shoal-contexts-"));
    process.env["SHOAL_CONFIG"] = join(dir, "config");
    delete process.env["SHOAL_CONTEXT"];
  });
  afterEach(() => {
    if (before.config === undefined) delete process.env["SHOAL_CONFIG"];
    else process.env["SHOAL_CONFIG"] = before.config;
    if (before.context !== undefined) process.env["SHOAL_CONTEXT"] = before.context;
    rmSync(dir, { recursive: true, force: true });
  });
  const fileOf = (name: string): string => join(dir, "config/contexts", `${name}.json`);

  it("reads back what it saved, in files only their owner can read", () => {
    saveContext(context);
    expect(loadContext("prod")).to.deep.equal(context);
    expect(statSync(fileOf("prod")).mode & 0o777).to.equal(0o600);
    expect(statSync(join(dir, "config/contexts")).mode & 0o777).to.equal(0o700);
    expect(readdirSync(join(dir, "config/contexts"))).to.deep.equal(["prod.json"]);
  });

  it("makes a file private again that it overwrites", () => {
    saveContext(context);
    chmodSync(fileOf("prod"), 0o644);
    saveContext(context);
    expect(statSync(fileOf("prod")).mode & 0o777).to.equal(0o600);
  });

  it("says when it replaced the context of another cluster", () => {
    expect(saveContext(context)).to.equal(null);
    expect(saveContext({ ...context, hosts: ["a:1"] })).to.equal(null);
    expect(saveContext({ ...context, clusterId: "c2" })).to.equal("c1");
  });

  it("lets a newer certificate take the place of an older one, and no other way to a cluster that of one that works", () => {
    checkReplaces(context);
    saveContext(context);
    checkReplaces({ ...context, hosts: ["10.0.0.2:7377", "10.0.0.3:7377"] });
    const other = refusal(() => checkReplaces({ ...context, clusterId: "c2" }));
    expect([other.code, other.details.next]).to.deep.equal([
      "exists",
      "keep both with --name OTHER, or give up the one that is there with --replace",
    ]);
    const elsewhere = refusal(() => checkReplaces({ ...context, hosts: ["manager1:7377"] }));
    expect(elsewhere.message).to.include("the same cluster at 10.0.0.1:7377, 10.0.0.2:7377");
    writeFileSync(fileOf("prod"), "{}");
    checkReplaces({ ...context, clusterId: "c2" });
  });

  it("uses the one that was chosen, unless SHOAL_CONTEXT names another", () => {
    expect(currentName()).to.equal(null);
    saveContext(context);
    useContext("prod");
    expect(currentName()).to.equal("prod");
    process.env["SHOAL_CONTEXT"] = "test";
    expect(currentName()).to.equal("test");
  });

  it("does not use a context that does not exist, and says how to list them", () => {
    const error = refusal(() => useContext("nope"));
    expect(error.code).to.equal("not-found");
    expect(error.message).to.include('"nope"').and.include(fileOf("nope"));
    expect(error.details.next).to.include("shoal context ls");
  });

  it("lets a name not leave its folder", () => {
    for (const name of ["../x", "a/b", "", ".hidden"]) {
      expect(refusal(() => loadContext(name)).code, name).to.equal("invalid");
    }
  });

  it("lists a broken file with what is wrong, beside the others", () => {
    saveContext(context);
    writeFileSync(fileOf("bad"), "{");
    useContext("prod");
    const [bad, prod] = listContexts();
    expect(bad).to.deep.include({ name: "bad", hosts: [], isCurrent: false });
    expect(bad?.error).to.include(fileOf("bad")).and.include("no JSON");
    expect(prod).to.deep.include({ name: "prod", isCurrent: true });
  });

  it("knows when a certificate ends", () => {
    const [key, cert] = [join(dir, "k.pem"), join(dir, "c.pem")];
    const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3"];
    execFileSync("openssl", [...args, "-subj", "/CN=x", "-keyout", key, "-out", cert], { stdio: "ignore" });
    saveContext({ ...context, certificatePem: readFileSync(cert, "utf8") });
    const [listed] = listContexts();
    expect(listed?.error).to.equal("");
    const days = ((listed?.expiresAtMs ?? 0) - statSync(cert).mtimeMs) / 86_400_000;
    expect(days).to.be.within(2.99, 3.01);
  });

  it("forgets a broken one, and with the current one that it was current", () => {
    saveContext(context);
    useContext("prod");
    writeFileSync(fileOf("prod"), "garbage");
    removeContext("prod");
    expect(listContexts()).to.deep.equal([]);
    expect(currentName()).to.equal(null);
  });

  it("keeps the current one when another is forgotten", () => {
    saveContext(context);
    saveContext({ ...context, name: "test" });
    useContext("prod");
    process.env["SHOAL_CONTEXT"] = "test";
    removeContext("test");
    delete process.env["SHOAL_CONTEXT"];
    expect(currentName()).to.equal("prod");
  });

  it("says which folder it cannot write", () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "config"), "a file where a folder should be");
    const error = refusal(() => saveContext(context));
    expect(error.message).to.include(fileOf("prod"));
  });

  const broken: [string, unknown, string][] = [
    ["no object", [], "a.json"],
    ["no name", { ...context, name: undefined }, "name"],
    ["an empty key", { ...context, keyPem: "" }, "keyPem"],
    ["a number for a certificate", { ...context, certificatePem: 5 }, "certificatePem"],
    ["no hosts", { ...context, hosts: [] }, "hosts"],
    ["a host that is no text", { ...context, hosts: ["a:1", 7] }, "hosts[1]"],
  ];
  for (const [what, value, path] of broken) {
    it(`names file and field of a context with ${what}`, () => {
      const error = refusal(() => parseContext(JSON.stringify(value), "a.json"));
      expect(error.code).to.equal("invalid");
      expect(error.details.path).to.equal(path);
      expect(error.message).to.include("a.json");
      expect(error.details.next).to.include("shoal context export");
    });
  }

  it("drops what it does not know", () => {
    expect(parseContext(JSON.stringify({ ...context, more: 1 }), "a.json")).to.deep.equal(context);
  });

  describe("managers that the cluster names", () => {
    const named = ["10.0.0.3:7377", "10.0.0.1:7377"];
    const learned = (): string[] => readdirSync(join(dir, "config/managers"));

    it("are kept beside the context's file, of which nothing changes, and only their owner can read them", () => {
      saveContext(context);
      chmodSync(fileOf("prod"), 0o440);
      const before = statSync(fileOf("prod"));
      expect(rememberManagers("prod", loadContext("prod"), named)).to.equal(true);
      expect(loadContext("prod")).to.deep.equal({ ...context, managers: ["10.0.0.1:7377", "10.0.0.3:7377"] });
      const after = statSync(fileOf("prod"));
      expect([after.ino, after.mtimeMs, after.mode & 0o777]).to.deep.equal([before.ino, before.mtimeMs, 0o440]);
      expect(learned()).to.deep.equal(["prod.json"]);
      expect(statSync(join(dir, "config/managers/prod.json")).mode & 0o777).to.equal(0o600);
    });

    it("are written only when they are others than before", () => {
      saveContext(context);
      rememberManagers("prod", context, named);
      const known = loadContext("prod");
      expect(rememberManagers("prod", known, named.toReversed())).to.equal(false);
      expect(rememberManagers("prod", known, [])).to.equal(false);
      expect(rememberManagers("prod", known, ["10.0.0.4:7377"])).to.equal(true);
      expect(loadContext("prod").managers).to.deep.equal(["10.0.0.4:7377"]);
    });

    it("of another cluster are nobody's, and a context that came meanwhile stays as it is, or away", () => {
      const other = { ...context, clusterId: "c2", keyPem: "another" };
      saveContext(other);
      rememberManagers("prod", context, named);
      expect(loadContext("prod")).to.deep.equal(other);
      removeContext("prod");
      expect(rememberManagers("prod", context, named)).to.equal(false);
      expect([learned(), readdirSync(join(dir, "config/contexts"))]).to.deep.equal([[], []]);
    });

    it("go with the context that they are of, and a broken list is none", () => {
      saveContext(context);
      for (const text of ["{", "[]", '{"clusterId":"c1","managers":[7]}', '{"clusterId":"c1"}']) {
        rememberManagers("prod", context, named);
        writeFileSync(join(dir, "config/managers/prod.json"), text);
        expect(loadContext("prod"), text).to.deep.equal(context);
      }
      removeContext("prod");
      expect(learned()).to.deep.equal([]);
    });
  });
});
