/** The Daemon service, which this machine's own socket alone serves. */
import type { NodeIdentity } from "../pki/types.ts";
import type { InitRequest } from "../proto/gen/InitRequest.ts";
import type { InitResponse } from "../proto/gen/InitResponse.ts";
import type { JoinRequest } from "../proto/gen/JoinRequest.ts";
import type { JoinResponse } from "../proto/gen/JoinResponse.ts";
import type { Router } from "../proto/router.ts";

export type LocalCalls = {
  init(request: InitRequest): Promise<InitResponse>;
  join(request: JoinRequest): Promise<JoinResponse>;
  leave(force: boolean): Promise<void>;
  status(): { readonly state: string; readonly message: string; readonly identity: NodeIdentity | null };
};

export function registerLocalService(router: Router, calls: LocalCalls): void {
  router.unary("Daemon.Init", (request) => calls.init(request));
  router.unary("Daemon.Join", (request) => calls.join(request));
  router.unary("Daemon.Leave", async ({ force }) => {
    await calls.leave(force);
    return {};
  });
  router.unary("Daemon.Status", () => {
    const { state, message, identity } = calls.status();
    const { clusterId = "", nodeId = "", role = "" } = identity ?? {};
    return Promise.resolve({ state, message, clusterId, nodeId, role });
  });
}
