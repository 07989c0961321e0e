/** `shoal node ...` */
import type { Command } from "commander";
import type { Availability, Node } from "../model/index.ts";
import type { NodeSummary } from "../proto/gen/NodeSummary.ts";
import { action, listFlags, many, type Session } from "./command.ts";
import { allPages } from "./pages.ts";
import { managerStatus, nodeName, nodeStatus, runtimes, title } from "./render.ts";
import { usage } from "./exit.ts";

type ListFlags = { readonly filter?: readonly string[] };
type UpdateFlags = {
  readonly labelAdd?: readonly string[];
  readonly labelRm?: readonly string[];
  readonly availability?: string;
  readonly name?: string;
};

export function registerNode(program: Command): void {
  const node = program.command("node").description("Manage nodes");
  listFlags(node.command("ls").description("List nodes")).action(action<ListFlags>(list));
  node.command("inspect <node...>").description("Show nodes in full").action(action(inspect));
  node
    .command("update <node>")
    .description("Change a node's labels, name or availability")
    .option("--label-add <key=value>", "add or change a label", many)
    .option("--label-rm <key>", "remove a label", many)
    .option("--availability <kind>", "active, pause or drain")
    .option("--name <name>", "rename the node")
    .action(action<UpdateFlags>(update));
  node
    .command("drain <node...>")
    .description("Move every task off nodes")
    .action(action((session, _, words) => setAvailability(session, words, "DRAIN")));
  node
    .command("activate <node...>")
    .description("Let nodes take tasks again")
    .action(action((session, _, words) => setAvailability(session, words, "ACTIVE")));
  node
    .command("rm <node...>")
    .description("Remove nodes from the cluster")
    .option("--force", "also when the node is up")
    .action(action<{ readonly force?: boolean }>(remove));
}

async function list({ client, out }: Session, { filter }: ListFlags): Promise<void> {
  const nodes = await allPages(
    (request) => client.call("Control.ListNodes", request),
    (page) => page.nodes,
    filter,
  );
  out.list<NodeSummary>(
    nodes,
    [
      { title: "ID", value: ({ node }) => node?.id ?? "" },
      { title: "NAME", value: ({ node }) => (node === null ? "" : nodeName(node)) },
      { title: "STATUS", value: ({ node }) => (node === null ? "" : nodeStatus(node)) },
      { title: "AVAILABILITY", value: ({ node }) => title(node?.spec?.availability ?? "") },
      { title: "MANAGER STATUS", value: managerStatus },
      { title: "RUNTIMES", value: ({ node }) => (node === null ? "" : runtimes(node)) },
      { title: "ENGINE", value: ({ node }) => node?.description?.engineVersion ?? "" },
    ],
    ({ node }) => node?.id ?? "",
    (summary) => ({ ...summary.node, manager: summary.manager?.reachability ?? "NONE" }),
  );
}

async function inspect({ client, out }: Session, _: object, words: readonly string[]): Promise<void> {
  for (const id of words) {
    const { node, manager } = await client.call("Control.GetNode", { id });
    const value = { ...node, manager: manager?.reachability ?? "NONE" };
    out.line(out.isJson ? JSON.stringify(value) : JSON.stringify(value, null, 2));
  }
}

async function update({ client, out }: Session, flags: UpdateFlags, [id = ""]: readonly string[]): Promise<void> {
  const availability = flags.availability?.toUpperCase();
  if (availability !== undefined && availability !== "ACTIVE" && availability !== "PAUSE" && availability !== "DRAIN") {
    throw usage(`--availability: "${flags.availability ?? ""}" is not active, pause or drain`);
  }
  const { node } = await client.call("Control.GetNode", { id });
  if (node === null) return;
  const labels = { ...node.spec?.labels };
  for (const key of flags.labelRm ?? []) delete labels[key];
  for (const text of flags.labelAdd ?? []) {
    const at = text.indexOf("=");
    if (at === 0) throw usage(`--label-add: "${text}" is not KEY=VALUE`);
    labels[at < 0 ? text : text.slice(0, at)] = at < 0 ? "" : text.slice(at + 1);
  }
  await write(client, node, {
    labels,
    ...(availability === undefined ? {} : { availability }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
  });
  out.say(nodeName(node));
  if (out.isJson) out.json({ id: node.id, updated: true });
}

async function setAvailability(
  { client, out }: Session,
  words: readonly string[],
  availability: Availability,
): Promise<void> {
  for (const id of words) {
    const { node } = await client.call("Control.GetNode", { id });
    if (node === null) continue;
    await write(client, node, { availability });
    out.say(nodeName(node));
    if (out.isJson) out.json({ id: node.id, availability });
  }
}

async function write(client: Session["client"], node: Node, change: Partial<NonNullable<Node["spec"]>>): Promise<void> {
  const spec = { name: "", labels: {}, availability: "ACTIVE" as const, ...node.spec, ...change };
  await client.call("Control.UpdateNode", {
    requestId: client.requestId(),
    id: node.id,
    version: node.meta?.version ?? 0,
    spec,
  });
}

async function remove(
  { client, out }: Session,
  { force }: { readonly force?: boolean },
  words: readonly string[],
): Promise<void> {
  for (const id of words) {
    const answer = await client.call("Control.RemoveNode", {
      requestId: client.requestId(),
      id,
      force: force === true,
    });
    out.say(answer.id);
    if (out.isJson) out.json({ id: answer.id, removed: true });
  }
}
