/** `shoal node ...` */
import type { Command } from "commander";
import type { Availability, MassSilence, NodeSpec, Recovery } from "../model/index.ts";
import { nodeName } from "../model/naming.ts";
import type { NodeSummary } from "../proto/gen/NodeSummary.ts";
import { realEnv } from "../util/real-env.ts";
import { action, listFlags, many, staleFlag, type ListFlags, type Session } from "./command.ts";
import { usage } from "./exit.ts";
import { changeNode } from "./node-change.ts";
import { registerDrain } from "./node-drain.ts";
import { warnOfMassSilence } from "./mass-silence.ts";
import { allPages } from "./pages.ts";
import { shown } from "./read-change-write.ts";
import { managerStatus, nodeStatus, nodeStyle, runtimes, shortId, title } from "./render.ts";
import { warnIfWaiting } from "./resume.ts";
import { listTasks } from "./task.ts";
import { parsePair } from "./value-syntax.ts";

type UpdateFlags = {
  readonly labelAdd?: readonly string[];
  readonly labelRm?: readonly string[];
  readonly availability?: string;
  readonly name?: string;
};

type QuorumFlag = { readonly loseQuorum?: boolean };
const LOSE_QUORUM = "also when too few of the managers left answer: nothing can be changed until they do";

export function registerNode(node: Command): void {
  listFlags(node.command("ls").description("List nodes"))
    .addHelpText("after", "\nFilters: name, id, role, availability, state, label")
    .action(action<ListFlags>(list));
  listFlags(node.command("ps <node...>").description("List the tasks of nodes"))
    .addHelpText("after", "\nFilters: service, name, id, label, run, desired-state, state")
    .action(action<ListFlags>(ps));
  staleFlag(node.command("inspect <node...>").description("Show nodes in full")).action(action(inspect));
  node
    .command("update <node>")
    .description("Change a node's labels, name or availability")
    .option("--label-add <key=value>", "add or change a label (repeatable)", many)
    .option("--label-rm <key>", "remove a label (repeatable)", many)
    .option("--availability <kind>", "active, pause (no new tasks) or drain (no tasks)")
    .option("--name <name>", "rename the node")
    .action(action<UpdateFlags>(update));
  registerDrain(node);
  node
    .command("pause <node...>")
    .description("Give nodes no new tasks; those they have go on")
    .action(action((session, _, words) => setAvailability(session, words, "PAUSE")));
  node
    .command("activate <node...>")
    .description("Let nodes take tasks again")
    .action(action((session, _, words) => setAvailability(session, words, "ACTIVE")));
  node
    .command("promote <node...>")
    .description("Make workers managers")
    .action(action((session, _, words) => setRole(session, words, { role: "MANAGER", loseQuorum: false })));
  node
    .command("demote <node...>")
    .description("Make managers workers; their tasks go on")
    .option("--lose-quorum", LOSE_QUORUM)
    .action(
      action<QuorumFlag>((session, { loseQuorum = false }, words) =>
        setRole(session, words, { role: "WORKER", loseQuorum }),
      ),
    );
  node
    .command("rm <node...>")
    .description("Remove nodes from the cluster")
    .option("--force", "also when the node is up")
    .option("--lose-quorum", LOSE_QUORUM)
    .action(action<QuorumFlag & { readonly force?: boolean }>(remove));
}

async function list({ client, out }: Session, { filter }: ListFlags): Promise<void> {
  let waits: Recovery | null = null;
  let massSilence: MassSilence | null = null;
  const nodes = await allPages(
    (request) => client.call("Control.ListNodes", request),
    (page) => {
      waits = page.awaitsResume;
      ({ massSilence } = page);
      return page.nodes;
    },
    filter,
  );
  const byName = nodes.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b), "en", { numeric: true }));
  out.list<NodeSummary>(
    byName,
    [
      { title: "ID", value: ({ node }) => node?.id ?? "" },
      { title: "NAME", value: nameOf },
      {
        title: "STATUS",
        value: ({ node }) => (node === null ? "" : nodeStatus(node)),
        style: ({ node }) => (node === null ? null : nodeStyle(node)),
      },
      {
        title: "AVAILABILITY",
        value: ({ node }) => title(node?.spec?.availability ?? "ACTIVE"),
        style: ({ node }) => ((node?.spec?.availability ?? "ACTIVE") === "ACTIVE" ? null : "yellow"),
      },
      { title: "MANAGER STATUS", value: managerStatus },
      { title: "RUNTIMES", value: ({ node }) => (node === null ? "" : runtimes(node)) },
      { title: "ENGINE VERSION", value: ({ node }) => node?.description?.engineVersion ?? "" },
    ],
    ({ node }) => node?.id ?? "",
    (summary) => ({ ...summary.node, manager: summary.manager?.reachability ?? "NONE" }),
  );
  for (const hint of deadVoters(nodes)) out.note(hint);
  warnOfMassSilence(out, massSilence, realEnv.wallNow());
  warnIfWaiting(out, waits);
}

/** A manager whose place another one has taken still counts in the quorum until somebody says that it is gone. */
export function deadVoters(nodes: readonly NodeSummary[]): string[] {
  return nodes.flatMap(({ node, manager }) => {
    if (node === null || manager?.reachability !== "UNREACHABLE") return [];
    const successor = nodes.find(({ node: other }) => {
      const isSamePlace =
        other?.address === node.address || other?.description?.hostname === node.description?.hostname;
      return other !== null && other.id !== node.id && isSamePlace && other.status?.state === "READY";
    })?.node;
    if (successor == null) return [];
    const id = shortId(node.id);
    return [
      `The manager ${nodeName(node)} (${id}) does not answer, and ${shortId(successor.id)} runs in its place; ` +
        `it counts in the quorum until it is removed: shoal node rm ${id}`,
    ];
  });
}

function nameOf({ node }: NodeSummary): string {
  return node === null ? "" : nodeName(node);
}

async function inspect(session: Session, _: object, words: readonly string[]): Promise<void> {
  const { client, out } = session;
  await session.each(words, async (id) => {
    const { node, manager } = await client.call("Control.GetNode", { id });
    out.inspect({ ...node, manager: manager?.reachability ?? "NONE" });
  });
}

async function ps(session: Session, flags: ListFlags, words: readonly string[]): Promise<void> {
  const ids: string[] = [];
  await session.each(words, async (id) => {
    const { node } = await session.client.call("Control.GetNode", { id });
    ids.push(shown(node, `node "${id}"`).id);
  });
  if (ids.length > 0) await listTasks(session, [...ids.map((id) => `node=${id}`), ...(flags.filter ?? [])], flags);
}

async function update(session: Session, flags: UpdateFlags, [id = ""]: readonly string[]): Promise<void> {
  if (Object.keys(pick(flags)).length === 0) {
    throw usage("Nothing to change", "say what with --label-add, --label-rm, --availability or --name");
  }
  const change = parseNodeChange(flags);
  const { node, warnings } = await changeNode(session, id, change);
  session.out.changed(node, nodeName(node), warnings);
}

function pick({ labelAdd, labelRm, availability, name }: UpdateFlags): object {
  return Object.fromEntries(
    Object.entries({ labelAdd, labelRm, availability, name }).filter(([, value]) => value !== undefined),
  );
}

type NodeChange = (spec: NodeSpec) => NodeSpec;

/** @returns what to do with a node's spec, whichever version of it the change meets. */
export function parseNodeChange(flags: UpdateFlags): NodeChange {
  const availability = flags.availability?.toUpperCase();
  if (availability !== undefined && availability !== "ACTIVE" && availability !== "PAUSE" && availability !== "DRAIN") {
    throw usage(`--availability: "${flags.availability ?? ""}" is not active, pause or drain`);
  }
  const added = (flags.labelAdd ?? []).map((text) => parsePair(text, "--label-add"));
  const removed = new Set(flags.labelRm);
  return (spec) => ({
    ...spec,
    labels: Object.fromEntries([...Object.entries(spec.labels).filter(([key]) => !removed.has(key)), ...added]),
    ...(availability === undefined ? {} : { availability }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
  });
}

async function setAvailability(session: Session, words: readonly string[], availability: Availability): Promise<void> {
  await session.each(words, async (id) => {
    const { node, warnings } = await changeNode(session, id, (spec) => ({ ...spec, availability }));
    session.out.changed(node, nodeName(node), warnings);
  });
}

async function setRole(
  session: Session,
  words: readonly string[],
  { role, loseQuorum }: { readonly role: "MANAGER" | "WORKER"; readonly loseQuorum: boolean },
): Promise<void> {
  const { client, out } = session;
  await session.each(words, async (id) => {
    const request = { requestId: client.requestId(), id, role, loseQuorum };
    const { node, warnings } = await client.call("Control.SetNodeRole", request);
    const changed = shown(node, `node "${id}"`);
    out.changed(changed, nodeName(changed), warnings);
  });
  if (session.failures.length > 0) return;
  const what = role === "MANAGER" ? "it votes as soon as it has caught up" : "its manager stops, its tasks go on";
  out.note(`Next: shoal node ls (${what})`);
}

async function remove(
  session: Session,
  { force = false, loseQuorum = false }: QuorumFlag & { readonly force?: boolean },
  words: readonly string[],
): Promise<void> {
  const { client, out } = session;
  await session.each(words, async (word) => {
    const requestId = client.requestId();
    const { id, warnings } = await client.call("Control.RemoveNode", { requestId, id: word, force, loseQuorum });
    out.changed({ id, removed: true }, word, warnings);
  });
}
