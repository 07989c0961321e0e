/** `shoal cluster upgrade`: how far a rolling upgrade got, and ending it. */
import { nodeName } from "../model/naming.ts";
import { protocolOf } from "../model/protocol.ts";
import type { NodeSummary } from "../proto/gen/NodeSummary.ts";
import type { Session } from "./command.ts";
import { allPages } from "./pages.ts";
import { nodeStatus, nodeStyle, title } from "./render.ts";
import { table } from "./output.ts";

type NodeRow = NonNullable<NodeSummary["node"]>;

export async function upgrade({ client, out }: Session, { finalize }: { readonly finalize?: boolean }): Promise<void> {
  if (finalize === true) {
    const answer = await client.call("Control.FinalizeUpgrade", { requestId: client.requestId() });
    if (out.isJson) out.json(answer);
    out.say(
      `The cluster writes protocol ${answer.protocol} from now on (it was ${answer.before}): the upgrade is final.`,
    );
    return;
  }
  const { protocol, protocolReady } = await client.call("Control.GetCluster", {});
  const summaries = await allPages(
    (request) => client.call("Control.ListNodes", request),
    (page) => page.nodes,
    [],
  );
  const nodes = byName(summaries.flatMap(({ node }) => (node === null ? [] : [node])));
  if (out.isJson) {
    out.json({ protocol, protocolReady, nodes: nodes.map(toJson) });
    return;
  }
  const rows = table<NodeRow>(
    nodes,
    [
      { title: "NAME", value: nodeName },
      { title: "ROLE", value: ({ role }) => title(role) },
      { title: "STATUS", value: nodeStatus, style: nodeStyle },
      { title: "VERSION", value: ({ description }) => description?.shoalVersion ?? "?" },
      { title: "PROTOCOL", value: (node) => `${maxOf(node)}` },
    ],
    out.painter(out.out),
  );
  for (const row of rows) out.line(row);
  out.line(`The cluster writes protocol ${protocol}.`);
  out.note(nextStep(nodes, { protocol, protocolReady }));
}

/** Managers first: that is also the order in which to upgrade. */
function byName(nodes: readonly NodeRow[]): NodeRow[] {
  return nodes.toSorted(
    (a, b) =>
      Number(b.role === "MANAGER") - Number(a.role === "MANAGER") ||
      nodeName(a).localeCompare(nodeName(b), "en", { numeric: true }),
  );
}

export function nextStep(
  nodes: readonly NodeRow[],
  { protocol, protocolReady }: { readonly protocol: number; readonly protocolReady: number },
): string {
  if (protocolReady > protocol) {
    return "Next: shoal cluster upgrade --finalize (until then every node may go back to the old version)";
  }
  const old = nodes.filter((node) => maxOf(node) <= protocol);
  if (old.length === nodes.length) return "Nothing to finish: no node speaks more than the cluster writes.";
  const silent = nodes.filter(({ status }) => status?.state !== "READY");
  const which = [...new Set([...old, ...silent])].map(nodeName).join(", ");
  return `Next: start the new version on ${which}, one node after the other`;
}

function toJson(node: NodeRow): object {
  const { id, role, status, description } = node;
  const version = description?.shoalVersion ?? "";
  return { id, name: nodeName(node), role, state: status?.state ?? "UNKNOWN", version, protocolMax: maxOf(node) };
}

function maxOf({ description }: NodeRow): number {
  return protocolOf(description?.protocolMax);
}
