/** The Raft service as other managers call it. */
import { checkHostPort } from "../../model/checks.ts";
import type { ByteStream, CallContext } from "../../proto/rpc.ts";
import type { Router } from "../../proto/router.ts";
import type { Config, MemberId } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import { refuseJoin, type HelloProtocols } from "./hello.ts";
import type { SnapshotManifest } from "./log-records.ts";
import type { SnapshotStore } from "./snapshot-store.ts";
import { acceptFetch } from "./snapshot-transfer.ts";

export type ReplicaRpcs = {
  acceptStream(stream: ByteStream, context: CallContext): void;
  snapshotSource(): { readonly store: SnapshotStore; readonly manifest: SnapshotManifest | null };
  readonly protocols: HelloProtocols;
  addMember(member: { readonly id: MemberId; readonly address: string }): Promise<Config>;
  removeMember(id: MemberId): Promise<Config>;
};

const KEYS = ["Raft.Stream", "Raft.FetchSnapshot", "Raft.Join", "Raft.Leave"] as const;

export function registerReplicaRpcs(router: Router, rpcs: ReplicaRpcs): void {
  router.rawStream("Raft.Stream", (stream, context) => rpcs.acceptStream(stream, context));
  router.stream("Raft.FetchSnapshot", (stream) => acceptFetch(stream, () => rpcs.snapshotSource()));
  router.unary("Raft.Join", async ({ address, protocolMax }, context) => {
    refuseJoin(protocolMax, rpcs.protocols);
    checkHostPort(address, "address");
    const config = await rpcs.addMember({ id: callerId(context), address });
    return { members: config.members.map((member) => `${member.id} ${member.address}`) };
  });
  router.unary("Raft.Leave", async ({ nodeId }, context) => {
    const caller = callerId(context);
    if (nodeId !== "" && nodeId !== caller) {
      throw new AppError("denied", `node_id: a manager removes itself only, and this call comes from ${caller}`, {
        path: "node_id",
        next: "use shoal node rm for another node",
      });
    }
    await rpcs.removeMember(caller);
    return {};
  });
}

export function unregisterReplicaRpcs(router: Router): void {
  for (const key of KEYS) router.unregister(key);
}

function callerId({ caller }: CallContext): MemberId {
  if (caller.kind === "node") return caller.nodeId;
  throw new AppError("denied", "Only a manager may call this, in its own name");
}
