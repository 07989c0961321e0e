import type { PeerCertificate } from "node:tls";
import { expect } from "chai";
import { identify } from "../../../src/pki/identity.ts";

const NODE = "n".repeat(25);
const CLUSTER = "c".repeat(25);

function certificate(subject: object): PeerCertificate {
  return { subject, valid_to: "Jan  1 00:00:00 2030 GMT" } as PeerCertificate;
}

describe("pki/identity", () => {
  it("reads a node's role, id and cluster, and when they end", () => {
    expect(identify(certificate({ O: CLUSTER, OU: "worker", CN: NODE }))).to.deep.equal({
      caller: { kind: "node", nodeId: NODE, role: "worker", clusterId: CLUSTER },
      expiresAtMs: Date.UTC(2030, 0, 1),
    });
  });

  it("reads an administrator", () => {
    const { caller } = identify(certificate({ O: CLUSTER, OU: "admin", CN: "ada" }));
    expect(caller).to.deep.equal({ kind: "admin", name: "ada", clusterId: CLUSTER });
  });

  const strangers: [string, object][] = [
    ["an unknown role", { O: CLUSTER, OU: "root", CN: NODE }],
    ["two roles", { O: CLUSTER, OU: ["worker", "manager"], CN: NODE }],
    ["no cluster", { OU: "manager", CN: NODE }],
    ["an id of another shape", { O: CLUSTER, OU: "manager", CN: "root" }],
    ["nothing", {}],
  ];
  for (const [what, subject] of strangers) {
    it(`takes a certificate with ${what} for anonymous`, () => {
      expect(identify(certificate(subject)).caller).to.deep.equal({ kind: "anonymous" });
    });
  }
});
