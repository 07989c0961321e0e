/** `shoal cluster resume`, and how every list says that the cluster waits for it. */
import type { Recovery } from "../model/index.ts";
import { waitingText } from "../model/awaits-resume.ts";
import type { PlanResumeResponse } from "../proto/gen/PlanResumeResponse.ts";
import type { ResumeItem } from "../proto/gen/ResumeItem.ts";
import { realEnv } from "../util/real-env.ts";
import { formatAge } from "../util/units.ts";
import type { Session } from "./command.ts";
import { confirm } from "./confirm.ts";
import { table, type Output, type Style } from "./output.ts";
import { shortId } from "./render.ts";

export type ResumeFlags = { readonly yes?: boolean };

export async function resume({ client, out }: Session, { yes = false }: ResumeFlags): Promise<void> {
  const plan = await client.call("Control.PlanResume", {});
  if (plan.awaitsResume === null) {
    out.say("There is nothing to resume: the cluster does not wait.");
    if (out.isJson) out.json({ resumed: false, waited: false });
    return;
  }
  if (out.isJson) jsonPlan(out, plan);
  else for (const line of planText(plan, realEnv.wallNow())) out.line(line);
  if (!(await confirm(out, { question: "Resume?", yes }))) {
    if (out.isJson) out.json({ resumed: false, waited: true });
    return;
  }
  await client.call("Control.ResumeCluster", { requestId: client.requestId(), incarnation: plan.incarnation });
  out.say("Resumed: the cluster does what its state says again.");
  if (out.isJson) out.json({ resumed: true, waited: true });
  out.note("Next: shoal service ls, shoal node ls");
}

function jsonPlan(out: Output, plan: PlanResumeResponse): void {
  for (const item of plan.items) out.json({ kind: "task", ...item, action: item.action.toLowerCase() });
  for (const node of plan.unknown) out.json({ kind: "node", ...node });
  if (plan.omitted > 0) out.json({ kind: "omitted", tasks: plan.omitted });
}

const HEADS: Readonly<Record<ResumeItem["action"], (tasks: string) => string>> = {
  STOP: (tasks) => `stops and removes ${tasks} running now`,
  REPLACE: (tasks) => `replaces ${tasks} that nobody can look at, unless their nodes come back`,
  START: (tasks) => `starts ${tasks} not running now`,
};

/** What waits, what would happen by what happens to it, and what the list cannot say. */
export function planText(plan: PlanResumeResponse, nowMs: number): string[] {
  const { awaitsResume: recovery, items, unknown } = plan;
  if (recovery === null) return [];
  const lines = [`${beginning(recovery, nowMs)}.`, ""];
  if (items.length === 0) lines.push("Resuming changes nothing on any node that could be asked.");
  else lines.push("Resuming");
  for (const action of ["STOP", "REPLACE", "START"] as const) {
    const some = items.filter((item) => item.action === action);
    if (some.length > 0) lines.push("", `  ${HEADS[action](count(some.length))}`, ...rows(some));
  }
  if (plan.omitted > 0) lines.push("", `  and ${plan.omitted} more that are not listed`);
  const silent = unknown.filter(({ isStranger }) => !isStranger);
  const strangers = unknown.filter(({ isStranger }) => isStranger);
  if (silent.length > 0) {
    lines.push("", "These nodes could not be asked, and may run what is not listed:");
    for (const { id, name, reason } of silent) lines.push(`  ${name} (${shortId(id)}): ${reason}`);
  }
  if (strangers.length > 0) {
    lines.push("", "These nodes are unknown to this state; on each of them: shoal leave --force, then shoal join");
    for (const { id, name, reason } of strangers) lines.push(`  ${name} (${shortId(id)}): ${reason}`);
  }
  if (recovery.formerManagerIds.length > 0) {
    const ids = recovery.formerManagerIds.map(shortId).join(", ");
    lines.push("", `Managers before, workers now if they come back: ${ids} (shoal node promote)`);
  }
  return [...lines, ""];
}

function count(tasks: number): string {
  return `${tasks} task${tasks === 1 ? "" : "s"}`;
}

function rows(items: readonly ResumeItem[]): string[] {
  return table(items, [
    { title: "NAME", value: ({ name }) => name },
    { title: "TASK", value: ({ taskId }) => shortId(taskId) },
    { title: "NODE", value: ({ nodeName, nodeId }) => (nodeName === "" ? shortId(nodeId) : nodeName) },
    { title: "WHY", value: ({ reason }) => reason },
  ]).map((line) => `    ${line}`);
}

/** `The cluster was restored from a backup 3 minutes ago, from its state at version 12, and waits`. */
export function beginning({ kind, atMs, version }: Recovery, nowMs: number): string {
  const past = kind === "RESTORED" ? "restored from a backup" : "recovered";
  const age = formatAge(Math.max(0, nowMs - atMs)).toLowerCase();
  return `The cluster was ${past} ${age} ago, from its state at version ${version}, and waits`;
}

/** On standard error, where no program takes it for a row. */
export function warnIfWaiting(out: Output, recovery: Recovery | null): void {
  if (recovery === null || out.isJson || out.isQuiet) return;
  const style: Style = "yellow";
  out.err.write(`${out.painter(out.err)(style, `${waitingText(recovery)}`)}\n`);
}
