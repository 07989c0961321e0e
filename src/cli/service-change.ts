/** One change of a service's spec: read, changed, written, and again when someone wrote in between. */
import type { Service, ServiceSpec } from "../model/index.ts";
import type { Session } from "./command.ts";
import { retryOnConflict, shown } from "./read-change-write.ts";

export type ChangedService = { readonly service: Service; readonly warnings: readonly string[] };

export async function changeService(
  { client }: Session,
  id: string,
  edit: (spec: ServiceSpec) => ServiceSpec,
): Promise<ChangedService> {
  return await retryOnConflict(async () => {
    const { service } = await client.call("Control.GetService", { id });
    const before = shown(service, `service "${id}"`);
    const { warnings, ...answer } = await client.call("Control.UpdateService", {
      requestId: client.requestId(),
      id: before.id,
      version: before.meta?.version ?? 0,
      spec: edit(shown(before.spec, `spec of "${id}"`)),
    });
    return { service: shown(answer.service, `service "${id}"`), warnings };
  });
}
