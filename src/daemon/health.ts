/** What /healthz says: in a cluster, and in touch with its leader (a manager) or with a manager (a worker). */
import type { StoredIdentity } from "../pki/keystore.ts";
import type { Health } from "./http.ts";
import type { ClusterNode } from "./node.ts";

export function healthOf(state: string, stored: StoredIdentity | null, node: ClusterNode | null): Health {
  const { nodeId = "", role = "" } = stored?.identity ?? {};
  const detail = { state, nodeId, role };
  if (node === null || state !== "ready") return { ok: false, detail };
  if (node.manager !== null) {
    const leader = node.manager.replica.leader();
    return { ok: leader !== null, detail: { ...detail, leader: leader?.id ?? "" } };
  }
  return { ok: node.agent.status().sessionId !== "", detail };
}
