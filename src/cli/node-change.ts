/** Changing a node's spec, whichever version of it the change meets. */
import type { Node, NodeSpec } from "../model/index.ts";
import type { Session } from "./command.ts";
import { retryOnConflict, shown } from "./read-change-write.ts";

export type ChangedNode = { readonly node: Node; readonly warnings: readonly string[] };

export async function changeNode(
  { client }: Session,
  id: string,
  change: (spec: NodeSpec) => NodeSpec,
): Promise<ChangedNode> {
  return await retryOnConflict(async () => {
    const { node: before } = await client.call("Control.GetNode", { id });
    const node = shown(before, `node "${id}"`);
    const spec = change(
      node.spec ?? { name: "", labels: {}, availability: "ACTIVE", drainDeadlineMs: 0, drainParallelism: 0 },
    );
    const { warnings, ...answer } = await client.call("Control.UpdateNode", {
      requestId: client.requestId(),
      id: node.id,
      version: node.meta?.version ?? 0,
      spec,
    });
    return { node: shown(answer.node, `node "${id}"`), warnings };
  });
}
