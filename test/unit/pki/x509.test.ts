import { X509Certificate, createPrivateKey, createPublicKey, createHash } from "node:crypto";
import { expect } from "chai";
import {
  CLOCK_SKEW_MS,
  createCsr,
  createKeyPair,
  createRoot,
  LEAF_VALIDITY_MS,
  loadIssuer,
  readCsr,
  ROOT_VALIDITY_MS,
} from "../../../src/pki/x509.ts";
import { newId } from "../../../src/util/id.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { expectCode } from "../../support/expect-code.ts";
import { ManualEnv } from "../../support/store/fake-log.ts";

const DAY_MS = 86_400_000;

describe("pki/x509", () => {
  const clusterId = newId(realEnv);
  const nodeId = newId(realEnv);

  it("makes a root for 20 years that signs itself and may sign leaves only", async () => {
    const env = new ManualEnv();
    const root = new X509Certificate((await createRoot(env, clusterId)).certificatePem);
    expect(root.ca).to.equal(true);
    expect(root.verify(root.publicKey)).to.equal(true);
    expect(root.subject.split("\n")).to.deep.equal([`O=${clusterId}`, "CN=shoal-root"]);
    expect(Date.parse(root.validTo) - env.wallNow()).to.equal(ROOT_VALIDITY_MS);
    expect(root.publicKey.asymmetricKeyDetails?.namedCurve).to.equal("prime256v1");
  });

  it("signs a node's certificate: subject, names, 90 days, an hour backdated", async () => {
    const env = new ManualEnv();
    const root = await createRoot(env, clusterId);
    const { keyPem } = await createKeyPair();
    const issuer = await loadIssuer(root, env);
    const identity = { clusterId, nodeId, role: "manager" } as const;
    const leaf = new X509Certificate(await issuer.signNode(await createCsr(keyPem, "whatever"), identity));
    expect(leaf.subject.split("\n")).to.deep.equal([`O=${clusterId}`, "OU=manager", `CN=${nodeId}`]);
    expect(leaf.subjectAltName).to.equal(`DNS:${nodeId}.node.shoal, DNS:manager.shoal`);
    expect(Date.parse(leaf.validTo) - env.wallNow()).to.equal(LEAF_VALIDITY_MS);
    expect(LEAF_VALIDITY_MS).to.equal(90 * DAY_MS);
    expect(env.wallNow() - Date.parse(leaf.validFrom)).to.equal(CLOCK_SKEW_MS);
    expect(leaf.ca).to.equal(false);
    expect(leaf.checkPrivateKey(createPrivateKey(keyPem))).to.equal(true);
    const rootCertificate = new X509Certificate(root.certificatePem);
    expect(leaf.checkIssued(rootCertificate)).to.equal(true);
    expect(leaf.verify(rootCertificate.publicKey)).to.equal(true);
  });

  it("signs a context's certificate without a server's name in it", async () => {
    const root = await createRoot(realEnv, clusterId);
    const { keyPem } = await createKeyPair();
    const issuer = await loadIssuer(root, realEnv);
    const csr = await createCsr(keyPem, "ada");
    const leaf = new X509Certificate(await issuer.signContext(csr, { clusterId, name: "ada@laptop" }));
    expect(leaf.subject.split("\n")).to.deep.equal([`O=${clusterId}`, "OU=admin", "CN=ada@laptop"]);
    expect(leaf.subjectAltName).to.equal(undefined);
    await expectCode(issuer.signContext(csr, { clusterId, name: "x\nOU=manager" }), "invalid");
  });

  it("never lets a leaf outlive its root", async () => {
    const env = new ManualEnv();
    const root = await createRoot(env, clusterId);
    env.wall += ROOT_VALIDITY_MS - DAY_MS;
    const { keyPem } = await createKeyPair();
    const issuer = await loadIssuer(root, env);
    const csr = await createCsr(keyPem, nodeId);
    const leaf = new X509Certificate(await issuer.signNode(csr, { clusterId, nodeId, role: "worker" }));
    expect(leaf.validTo).to.equal(new X509Certificate(root.certificatePem).validTo);
  });

  it("gives every certificate a serial number of its own", async () => {
    const root = await createRoot(realEnv, clusterId);
    const { keyPem } = await createKeyPair();
    const issuer = await loadIssuer(root, realEnv);
    const csr = await createCsr(keyPem, nodeId);
    const sign = async (): Promise<string> =>
      new X509Certificate(await issuer.signNode(csr, { clusterId, nodeId, role: "worker" })).serialNumber;
    expect(await sign()).not.to.equal(await sign());
  });

  it("fingerprints the key of a request as the key pair was fingerprinted", async () => {
    const { keyPem, publicKeyFingerprint } = await createKeyPair();
    expect((await readCsr(await createCsr(keyPem, "a"))).publicKeyFingerprint).to.equal(publicKeyFingerprint);
    const spki = createPublicKey(createPrivateKey(keyPem)).export({ type: "spki", format: "der" });
    expect(publicKeyFingerprint).to.equal(createHash("sha256").update(spki).digest("hex"));
  });

  it("refuses what is no request, a request too large, and one with a broken signature", async () => {
    expect((await expectCode(readCsr("hello"), "invalid")).details.path).to.equal("csr_pem");
    expect((await expectCode(readCsr("x".repeat(100_000)), "invalid")).message).to.match(/larger than/);
    const csr = await createCsr((await createKeyPair()).keyPem, "alpha");
    const der = Buffer.from(csr.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
    const at = der.indexOf("alpha");
    der.write("omega", at);
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
    expect((await expectCode(readCsr(forged), "invalid")).message).to.match(/not signed with its own key/);
  });
});
