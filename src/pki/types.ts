/**
 * The Identity seam's words. What proves who a node is lives behind these; the simulator replaces
 * certificates by plain claims.
 */
export type NodeRoleName = "worker" | "manager";

/** What a node has after init or join, kept in its data directory. */
export type NodeIdentity = {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly role: NodeRoleName;
};

/** PEM texts. The key never leaves the machine that made it. */
export type CredentialFiles = {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly rootCertificatePem: string;
};

/** How the cluster's certificate authority signs; the leader has one from the Cluster object. */
export interface CertificateSigner {
  /** @returns the PEM certificate for this subject. */
  signNode(csrPem: string, subject: NodeIdentity): Promise<string>;
  signContext(csrPem: string, subject: { readonly clusterId: string; readonly name: string }): Promise<string>;
}
