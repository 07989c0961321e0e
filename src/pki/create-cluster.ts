/** What `shoal init` puts into the store and onto the first node's disk. */
import type { Cluster, Node } from "../model/index.ts";
import type { Env } from "../util/env.ts";
import { newId } from "../util/id.ts";
import { rootSigner } from "./root-ca.ts";
import { formatToken, newTokenSecret, rootDigest } from "./token.ts";
import type { CredentialFiles, NodeIdentity, NodeRoleName } from "./types.ts";
import { createCsr, createKeyPair, createRoot, type RootPems } from "./x509.ts";

export type NewCluster = {
  readonly cluster: Cluster;
  /** The first manager, as it must be in the store. */
  readonly node: Node;
  readonly identity: NodeIdentity;
  readonly files: CredentialFiles;
};

export type FirstNode = {
  /** gRPC host:port by which the others reach it. */
  readonly address: string;
  readonly nodeName: string;
  readonly labels?: Readonly<Record<string, string>>;
};

/** @param first.protocol what its program speaks: there is no older one to go back to. Default: the first */
export async function createCluster(
  env: Env,
  first: FirstNode & { readonly clusterName: string; readonly protocol?: number },
): Promise<NewCluster> {
  const clusterId = newId(env);
  const root = await createRoot(env, clusterId);
  const { protocol = 0 } = first;
  return {
    cluster: {
      id: clusterId,
      meta: null,
      spec: {
        name: first.clusterName,
        replaceAfterMs: 0,
        replaceClosedAfterMs: 0,
        strategy: "DEFAULT",
        eventsKeptMs: 0,
        eventsKept: 0,
      },
      incarnation: newId(env),
      rootCertificatePem: root.certificatePem,
      rootKeyPem: root.keyPem,
      workerTokenSecret: newTokenSecret(env),
      managerTokenSecret: newTokenSecret(env),
      removedNodeIds: [],
      protocol,
      awaitsResume: null,
      massSilence: null,
      quorumGraceUntilMs: 0,
    },
    ...(await firstManager(env, { ...root, clusterId }, first)),
  };
}

/** A manager that nobody takes in: of a new cluster, or of one restored from a backup. Its id was never used. */
export async function firstManager(
  env: Env,
  root: RootPems & { readonly clusterId: string },
  first: FirstNode,
): Promise<Pick<NewCluster, "node" | "identity" | "files">> {
  const nodeId = newId(env);
  const { keyPem, publicKeyFingerprint } = await createKeyPair();
  const identity: NodeIdentity = { clusterId: root.clusterId, nodeId, role: "manager" };
  const signer = await rootSigner(root, env);
  const certificatePem = await signer.signNode(await createCsr(keyPem, nodeId), identity);
  return {
    node: newNode({
      nodeId,
      role: "manager",
      address: first.address,
      name: first.nodeName,
      labels: { ...first.labels },
      keyFingerprint: publicKeyFingerprint,
      nowMs: env.wallNow(),
    }),
    identity,
    files: { certificatePem, keyPem, rootCertificatePem: root.certificatePem },
  };
}

/** The tokens that the cluster's secrets make. */
export function joinTokens(cluster: Cluster): Readonly<Record<NodeRoleName, string>> {
  const digest = rootDigest(cluster.rootCertificatePem);
  return {
    worker: formatToken({ rootDigest: digest, secret: cluster.workerTokenSecret }),
    manager: formatToken({ rootDigest: digest, secret: cluster.managerTokenSecret }),
  };
}

export type NewNode = {
  readonly nodeId: string;
  readonly role: NodeRoleName;
  readonly address: string;
  readonly name: string;
  readonly labels: { [key: string]: string };
  readonly keyFingerprint: string;
  /** Cluster time. */
  readonly nowMs: number;
};

/** A member that no session has described yet. */
export function newNode({ nodeId, role, address, name, labels, keyFingerprint, nowMs }: NewNode): Node {
  return {
    id: nodeId,
    meta: null,
    spec: { name, labels, availability: "ACTIVE", drainDeadlineMs: 0, drainParallelism: 0 },
    role: role === "manager" ? "MANAGER" : "WORKER",
    address,
    description: null,
    status: {
      state: "UNKNOWN",
      message: "",
      sinceMs: nowMs,
      engineOk: false,
      engineMessage: "",
      sessionManagerId: "",
      agentEpoch: 0,
      silence: null,
      engineSinceMs: nowMs,
      drainSinceMs: 0,
      drainOverdueMs: 0,
      sessionId: "",
    },
    keyFingerprint,
  };
}
