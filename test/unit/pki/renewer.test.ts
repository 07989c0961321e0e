import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { RotatingCredentials } from "../../../src/pki/credentials.ts";
import { Keystore } from "../../../src/pki/keystore.ts";
import { CertificateRenewer, renewalDueMs } from "../../../src/pki/renewer.ts";
import { LEAF_VALIDITY_MS } from "../../../src/pki/x509.ts";
import { rpc } from "../../../src/proto/load.ts";
import type { Channel, Dialer } from "../../../src/proto/rpc.ts";
import { AppError } from "../../../src/util/errors.ts";
import { newId } from "../../../src/util/id.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { ManualEnv } from "../../support/store/fake-log.ts";
import { nodeFiles, testAuthority, type TestAuthority } from "../../support/grpc-harness.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe("pki/renewer", () => {
  let folder: string;
  let env: ManualEnv;
  let ca: TestAuthority;
  let dialed: string[];
  let failures: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-renewer-"));
    env = new ManualEnv();
    ca = await testAuthority(env);
    dialed = [];
    failures = 0;
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  /** Managers that sign, except for the first `failures` calls. */
  function dialer(nodeId: string): Dialer {
    const definition = rpc("CertificateAuthority.IssueNodeCertificate");
    const unary: Channel["unary"] = async (_path, bytes) => {
      if (failures > 0) {
        failures -= 1;
        throw new AppError("unavailable", "no leader");
      }
      const { csrPem } = definition.decodeRequest(bytes) as { csrPem: string };
      const certificatePem = await ca.signer.signNode(csrPem, { clusterId: ca.clusterId, nodeId, role: "worker" });
      const { rootCertificatePem } = ca;
      return definition.encodeResponse({ certificatePem, rootCertificatePem, nodeId, role: "WORKER" });
    };
    const channel: Channel = { unary, stream: () => expect.fail("no streams"), close: () => undefined };
    return {
      dial: (address) => {
        dialed.push(address);
        return channel;
      },
    };
  }

  async function renewer(): Promise<{
    renewing: CertificateRenewer;
    credentials: RotatingCredentials;
    keystore: Keystore;
  }> {
    const nodeId = newId(env);
    const identity = { clusterId: ca.clusterId, nodeId, role: "worker" } as const;
    const stored = { identity, files: await nodeFiles(ca, "worker", nodeId) };
    const keystore = new Keystore(folder);
    const credentials = new RotatingCredentials(stored.files);
    const managers = (): string[] => ["m1:1", "m2:1"];
    const deps = { stored, keystore, credentials, dialer: dialer(nodeId), managers, env, log: silentLogger };
    return { renewing: new CertificateRenewer(deps), credentials, keystore };
  }

  /** Lets file and crypto work finish, until `isDone` or a second. */
  async function settle(isDone: () => boolean): Promise<void> {
    for (let turn = 0; turn < 1000 && !isDone(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  it("is due between 50 and 80 % of the validity", async () => {
    const { certificatePem } = await nodeFiles(ca, "worker", newId(env));
    const from = env.wallNow();
    const early = renewalDueMs(certificatePem, { random: () => 0 });
    const late = renewalDueMs(certificatePem, { random: () => 1 });
    expect(early - from).to.be.within(0.49 * LEAF_VALIDITY_MS, 0.5 * LEAF_VALIDITY_MS);
    expect(late - from).to.be.within(0.79 * LEAF_VALIDITY_MS, 0.8 * LEAF_VALIDITY_MS);
  });

  it("waits for weeks in steps that a timer can hold, then renews with a new key on disk and in use", async () => {
    const { renewing, credentials, keystore } = await renewer();
    const before = credentials.files;
    const rotations: string[] = [];
    credentials.onChange(() => rotations.push(credentials.files.certificatePem));
    renewing.start();
    for (let hour = 0; hour < 44 * 24; hour += 1) {
      env.advance(HOUR_MS);
      await Promise.resolve();
      await Promise.resolve();
    }
    expect(rotations).to.deep.equal([]);
    for (let day = 44; day < 73 && rotations.length === 0; day += 1) {
      for (let hour = 0; hour < 24; hour += 1) {
        env.advance(HOUR_MS);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (dialed.length > 0) await settle(() => rotations.length > 0);
    }
    await settle(() => rotations.length > 0);
    expect(rotations).to.have.length(1);
    expect(credentials.files.keyPem).not.to.equal(before.keyPem);
    expect((await keystore.load())?.files).to.deep.equal(credentials.files);
    await renewing.stop();
  });

  it("asks the next manager when one cannot, and tries again later when none can", async () => {
    failures = 3;
    const { renewing, credentials } = await renewer();
    const before = credentials.files.certificatePem;
    env.advance(80 * DAY_MS);
    renewing.start();
    await settle(() => dialed.length === 2 && env.timers > 0);
    expect(dialed).to.deep.equal(["m1:1", "m2:1"]);
    expect(credentials.files.certificatePem).to.equal(before);
    env.advance(5000);
    await settle(() => credentials.files.certificatePem !== before);
    expect(dialed).to.deep.equal(["m1:1", "m2:1", "m1:1", "m2:1"]);
    expect(credentials.files.certificatePem).not.to.equal(before);
    await renewing.stop();
  });
});
