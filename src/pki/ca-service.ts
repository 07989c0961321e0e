/**
 * The CertificateAuthority service. Membership is the node's existence in the store: the node is
 * put there before its certificate is signed, so a crash in between leaves a node that repeats its
 * request, never a certificate without a node.
 */
import type { Cluster, Node, NodeSpec } from "../model/index.ts";
import type { Request, ResponseInput } from "../proto/load.ts";
import type { Router } from "../proto/router.ts";
import type { CallContext } from "../proto/rpc.ts";
import type { ReadTx, StoreApi } from "../store/types.ts";
import type { Env } from "../util/env.ts";
import { AppError, invalid } from "../util/errors.ts";
import { isId } from "../util/id.ts";
import type { Logger } from "../util/log.ts";
import { newNode } from "./create-cluster.ts";
import { rootSigner } from "./root-ca.ts";
import { parseToken, secretsEqual, tokenFitsRoot } from "./token.ts";
import type { CertificateSigner, NodeIdentity, NodeRoleName } from "./types.ts";
import { readCsr } from "./x509.ts";

/** Members of one cluster; a leaked token must not fill the store. */
export const NODES_MAX = 5000;
const LABELS_MAX = 64;
const LABEL_LENGTH_MAX = 256;

type IssueNode = "CertificateAuthority.IssueNodeCertificate";
type IssueContext = "CertificateAuthority.IssueContextCertificate";
type GetRoot = "CertificateAuthority.GetRootCertificate";

export type CaServiceDeps = {
  readonly store: StoreApi;
  readonly env: Env;
  readonly log: Logger;
  /** @throws AppError `invalid` for what no node may say of itself */
  readonly validateNode: (facts: Pick<Node, "address"> & Pick<NodeSpec, "name" | "labels">) => void;
};

export class CaService {
  readonly #deps: CaServiceDeps;
  /** Importing the root key costs a millisecond; it changes never, or with the whole cluster. */
  #signer: { readonly rootKeyPem: string; readonly signer: Promise<CertificateSigner> } | null = null;

  constructor(deps: CaServiceDeps) {
    this.#deps = deps;
  }

  register(router: Router): void {
    router.unary("CertificateAuthority.GetRootCertificate", () => Promise.resolve(this.#getRoot()));
    router.unary("CertificateAuthority.IssueNodeCertificate", (request, context) => this.#issueNode(request, context));
    router.unary("CertificateAuthority.IssueContextCertificate", (request) => this.#issueContext(request));
  }

  #getRoot(): ResponseInput<GetRoot> {
    const { id, rootCertificatePem } = clusterOf(this.#deps.store.view());
    return { clusterId: id, rootCertificatePem };
  }

  async #issueNode(request: Request<IssueNode>, { caller }: CallContext): Promise<ResponseInput<IssueNode>> {
    const { store, log } = this.#deps;
    const { publicKeyFingerprint } = await readCsr(request.csrPem);
    const isRenewal = request.token === "";
    if (!isRenewal) {
      checkJoin(request);
      this.#deps.validateNode(request);
    }
    const admitted = await store.update((tx): { node: Node; isNew: boolean } => {
      const cluster = clusterOf(tx);
      if (isRenewal) {
        if (caller.kind !== "node" || caller.clusterId !== cluster.id) throw tokenMissing();
        const node = renewed(tx, cluster, { nodeId: caller.nodeId, keyFingerprint: publicKeyFingerprint });
        if (node.keyFingerprint !== tx.get("node", node.id)?.keyFingerprint) tx.put("node", node);
        return { node, isNew: false };
      }
      const role = roleOf(request.token, cluster);
      const known = tx.get("node", request.nodeId);
      if (known !== undefined) return { node: rejoined(known, role, publicKeyFingerprint), isNew: false };
      if (cluster.removedNodeIds.includes(request.nodeId)) throw removed(request.nodeId);
      if (tx.count("node") >= NODES_MAX) throw tooMany();
      const { nodeId, address, name, labels } = request;
      const facts = { nodeId, role, address, name, labels: { ...labels } };
      const node = newNode({ ...facts, keyFingerprint: publicKeyFingerprint, nowMs: tx.timeMs });
      tx.put("node", node);
      return { node, isNew: true };
    });
    const { node, isNew } = admitted.value;
    if (isNew) log.info("node joined", { nodeId: node.id, role: node.role, address: node.address });
    return await this.#signNode(node, request.csrPem);
  }

  async #signNode(node: Node, csrPem: string): Promise<ResponseInput<IssueNode>> {
    const tx = this.#deps.store.view();
    const cluster = clusterOf(tx);
    const signer = await this.#signerOf(cluster);
    const identity: NodeIdentity = { clusterId: cluster.id, nodeId: node.id, role: roleName(node) };
    return {
      certificatePem: await signer.signNode(csrPem, identity),
      rootCertificatePem: cluster.rootCertificatePem,
      clusterId: cluster.id,
      nodeId: node.id,
      role: node.role,
      managers: managerAddresses(tx),
    };
  }

  async #issueContext({ csrPem, name }: Request<IssueContext>): Promise<ResponseInput<IssueContext>> {
    const tx = this.#deps.store.view();
    const cluster = clusterOf(tx);
    const signer = await this.#signerOf(cluster);
    return {
      certificatePem: await signer.signContext(csrPem, { clusterId: cluster.id, name }),
      rootCertificatePem: cluster.rootCertificatePem,
      clusterId: cluster.id,
      managers: managerAddresses(tx),
    };
  }

  #signerOf({ rootCertificatePem, rootKeyPem }: Cluster): Promise<CertificateSigner> {
    if (this.#signer?.rootKeyPem !== rootKeyPem) {
      const signer = rootSigner({ certificatePem: rootCertificatePem, keyPem: rootKeyPem }, this.#deps.env);
      this.#signer = { rootKeyPem, signer };
    }
    return this.#signer.signer;
  }
}

function clusterOf(tx: ReadTx): Cluster {
  for (const cluster of tx.all("cluster")) return cluster;
  throw new AppError("unavailable", "This manager does not have the cluster's state yet", {
    next: "try another manager",
  });
}

/** In the order of the store, so that equal states give equal answers. */
function managerAddresses(tx: ReadTx): string[] {
  return [...tx.all("node")]
    .filter(({ role, address }) => role === "MANAGER" && address !== "")
    .map(({ address }) => address);
}

function tooMany(): AppError {
  return new AppError("exhausted", `The cluster has ${NODES_MAX} nodes already`, {
    next: "remove some that are gone: shoal node ls --filter state=down, then shoal node rm",
  });
}

function checkJoin({ nodeId, labels }: Request<IssueNode>): void {
  if (!isId(nodeId)) throw invalid("node_id", `"${nodeId}" is not 25 characters of 0-9 and a-z`);
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) throw invalid("labels", `has ${entries.length} labels, at most ${LABELS_MAX}`);
  for (const [key, value] of entries) {
    if (key.length + value.length > LABEL_LENGTH_MAX)
      throw invalid(`labels.${key}`, `is longer than ${LABEL_LENGTH_MAX}`);
  }
}

/** The secret decides; an unknown one says nothing about what a right one looks like. */
function roleOf(token: string, cluster: Cluster): NodeRoleName {
  const parsed = parseToken(token);
  if (!tokenFitsRoot(parsed, cluster.rootCertificatePem)) {
    throw new AppError("denied", "The token is for another cluster", { path: "token", next: TOKEN_NEXT });
  }
  // Both are compared, so that the time does not tell which role was nearly right.
  const isManager = secretsEqual(parsed.secret, cluster.managerTokenSecret);
  const isWorker = secretsEqual(parsed.secret, cluster.workerTokenSecret);
  if (isManager) return "manager";
  if (isWorker) return "worker";
  throw new AppError("denied", "The token is not valid any more", { path: "token", next: TOKEN_NEXT });
}

const TOKEN_NEXT = "ask a manager for the current one: shoal cluster join-token";

function tokenMissing(): AppError {
  return new AppError("unauthenticated", "A new node needs a join token, a renewal the node's own certificate", {
    path: "token",
  });
}

function renewed(
  tx: ReadTx,
  { removedNodeIds }: Cluster,
  { nodeId, keyFingerprint }: Pick<Node, "keyFingerprint"> & { readonly nodeId: string },
): Node {
  const node = tx.get("node", nodeId);
  if (node !== undefined) return { ...node, keyFingerprint };
  if (removedNodeIds.includes(nodeId)) throw removed(nodeId);
  // A restored state may be older than the node: that is no reason for it to stop its tasks.
  throw new AppError("denied", `Node ${nodeId} is not a member of this cluster`, { next: "join again with a token" });
}

/** `reason` as in every refusal for this cause: the node itself acts on it. */
function removed(nodeId: string): AppError {
  return new AppError("denied", `Node ${nodeId} was removed from the cluster`, {
    reason: "removed",
    next: "on that node: shoal leave --force, then join again with a token",
  });
}

/** The same node asking again, as after a lost answer: same key, same role. Anything else is somebody else. */
function rejoined(node: Node, role: NodeRoleName, keyFingerprint: string): Node {
  if (node.keyFingerprint !== keyFingerprint) {
    throw new AppError("exists", `Node id ${node.id} belongs to another node`, { path: "node_id" });
  }
  if (roleName(node) !== role) {
    throw new AppError("precondition", `Node ${node.id} joined as a ${roleName(node)}, this token is for a ${role}`, {
      path: "token",
      next: "remove the node, and join again with the token you want",
    });
  }
  return node;
}

function roleName({ role }: Node): NodeRoleName {
  return role === "MANAGER" ? "manager" : "worker";
}
