import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Keystore, type StoredIdentity } from "../../../src/pki/keystore.ts";
import { newId } from "../../../src/util/id.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { expectCode } from "../../support/expect-code.ts";
import { nodeFiles, testAuthority } from "../../support/grpc-harness.ts";

describe("pki/keystore", () => {
  let folder: string;
  let keystore: Keystore;
  let stored: StoredIdentity;

  before(async () => {
    const ca = await testAuthority();
    const nodeId = newId(realEnv);
    const identity = { clusterId: ca.clusterId, nodeId, role: "worker" } as const;
    stored = { identity, files: await nodeFiles(ca, "worker", nodeId) };
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-keystore-"));
    keystore = new Keystore(folder);
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  /** Writes the file again with these fields changed. */
  async function damage(changes: object): Promise<void> {
    await keystore.save(stored);
    const content: object = JSON.parse(await readFile(keystore.path, "utf8"));
    await writeFile(keystore.path, JSON.stringify({ ...content, ...changes }));
  }

  it("has no identity before the first save", async () => {
    expect(await keystore.load()).to.equal(undefined);
  });

  it("loads what it saved, readable by its owner only, with nothing left over", async () => {
    await keystore.save(stored);
    expect(await keystore.load()).to.deep.equal(stored);
    expect((await stat(keystore.path)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(folder, "identity"))).mode & 0o777).to.equal(0o700);
    await keystore.save(stored);
    expect(await keystore.load()).to.deep.equal(stored);
  });

  it("recovers from a crash between writing and renaming", async () => {
    await keystore.save(stored);
    await writeFile(`${keystore.path}.tmp`, "half");
    expect(await keystore.load()).to.deep.equal(stored);
    await keystore.save(stored);
    expect(await keystore.load()).to.deep.equal(stored);
  });

  it("keeps the id and key of a join until the identity is there", async () => {
    const first = await keystore.draft(realEnv);
    expect(await new Keystore(folder).draft(realEnv)).to.deep.equal(first);
    await keystore.save(stored);
    expect((await keystore.draft(realEnv)).nodeId).not.to.equal(first.nodeId);
  });

  it("forgets everything on leaving", async () => {
    await keystore.save(stored);
    const draft = await keystore.draft(realEnv);
    await keystore.forget();
    expect(await keystore.load()).to.equal(undefined);
    expect((await keystore.draft(realEnv)).nodeId).not.to.equal(draft.nodeId);
  });

  it("refuses a file that is no JSON, and names it", async () => {
    await keystore.save(stored);
    await writeFile(keystore.path, "garbage");
    const error = await expectCode(keystore.load(), "corrupt");
    expect(error.message).to.contain(keystore.path);
    expect(error.details.next).to.be.a("string");
  });

  it("refuses a format it does not know", async () => {
    await damage({ format: 2 });
    expect((await expectCode(keystore.load(), "corrupt")).message).to.match(/format is 2/);
  });

  it("refuses a key that is not the certificate's", async () => {
    const other = await nodeFiles(await testAuthority(), "worker", newId(realEnv));
    await damage({ keyPem: other.keyPem });
    expect((await expectCode(keystore.load(), "corrupt")).message).to.match(/not the key of certificatePem/);
  });

  it("refuses a certificate that another cluster's root issued", async () => {
    const other = await testAuthority();
    await damage({ rootCertificatePem: other.rootCertificatePem });
    expect((await expectCode(keystore.load(), "corrupt")).message).to.match(/not issued by rootCertificatePem/);
  });

  it("refuses an identity that its certificate does not prove", async () => {
    await damage({ role: "manager" });
    expect((await expectCode(keystore.load(), "corrupt")).message).to.match(/OU=manager/);
    await damage({ clusterId: newId(realEnv) });
    await expectCode(keystore.load(), "corrupt");
  });

  it("refuses a missing field and never shows the key in its words", async () => {
    await damage({ nodeId: undefined });
    const error = await expectCode(keystore.load(), "corrupt");
    expect(error.message).to.match(/nodeId is missing/);
    expect(error.message).not.to.contain("PRIVATE");
  });

  it("does not save an identity it would not load", async () => {
    const wrong = { ...stored, identity: { ...stored.identity, nodeId: newId(realEnv) } };
    await expectCode(keystore.save(wrong), "corrupt");
    expect(await keystore.load()).to.equal(undefined);
  });
});
