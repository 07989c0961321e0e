/** The Daemon service, which this machine's own socket alone serves. */
import { checkHostName, checkHostPort, checkName } from "../model/checks.ts";
import { NODE_NAME_LENGTH_MAX } from "../model/validate.ts";
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
  router.unary("Daemon.Init", async (request) => {
    if (request.clusterName !== "") checkName(request.clusterName, "clusterName");
    if (request.advertise !== "") checkHostPort(request.advertise, "advertise");
    return await calls.init(request);
  });
  router.unary("Daemon.Join", async (request) => {
    if (request.name !== "") checkHostName(request.name, "name", NODE_NAME_LENGTH_MAX);
    if (request.advertise !== "") checkHostPort(request.advertise, "advertise");
    for (const [at, address] of request.managers.entries()) checkHostPort(address, `managers[${at}]`);
    return await calls.join(request);
  });
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
