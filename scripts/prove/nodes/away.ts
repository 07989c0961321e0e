// A host falls silent for so long that everything on it is given up, and comes back. Each service on it stands for one
// promise: replaced at the cluster's time, at its own, never twice, or nowhere else.
import { SINGLE_REPLACE_AFTER_MS } from "../../../src/model/ties.ts";
import type { HostNode } from "../../../test/support/host-cluster.ts";
import type { Task } from "../../lib/control-client.ts";
import { Finding } from "./finding.ts";
import { createdAfterMs, idsOf, overlapMs } from "./stage.ts";
import type { Life, Stage } from "./stage.ts";

/** The cluster's time is 6 s; a node's last word was up to a second before it was cut off. */
const REPLACED_MS = [4_500, 10_000] as const;
const OWN_REPLACE_AFTER_MS = 15_000;
const OWN_REPLACED_MS = [13_500, 19_000] as const;
/** Of the single service: its agent counts 20 s from its own last word that was answered; its task has 1 s to end. */
const STOPPED_MS = [17_500, 25_000] as const;
const RESTARTED_MS = [SINGLE_REPLACE_AFTER_MS - 1_500, SINGLE_REPLACE_AFTER_MS + 8_000] as const;
const RESTART_MS_MAX = 60_000;
const APP = 2;

/** Every service's name begins with `prefix`; stand-ins run on `others`. */
export async function proveAway(
  stage: Stage,
  { node, others }: { readonly node: HostNode; readonly others: readonly HostNode[] },
  prefix: string,
): Promise<Finding[]> {
  const names = namesOf(prefix);
  const place = { on: node, others };
  const { app, own, solo, tied, data } = names;
  const [apps, owns, solos, ties] = await Promise.all([
    stage.create(app, { ...place, replicas: APP }),
    stage.create(own, {
      ...place,
      nodeLoss: { replaceAfterMs: OWN_REPLACE_AFTER_MS, onReturn: "KEEP_REPLACEMENT" },
    }),
    stage.create(solo, { ...place, single: true }),
    stage.create(tied, { ...place, volume: data }),
  ]);
  const kept = await stage.containers(node, app, tied);
  const cutAt = Date.now();
  await node.host.linkDown();
  await stage.elsewhere(app, APP, node);
  const standIns = await stage.elsewhere(own, 1, node);
  const [single] = await stage.elsewhere(solo, 1, node, RESTART_MS_MAX);
  const why = await stage.why(tied);
  const findings = {
    silent: new Finding("silent-host-replaced"),
    own: new Finding("service-replace-after"),
    single: new Finding("single-cut-off"),
    volume: new Finding("local-volume-stays"),
    back: new Finding("originals-stay"),
  };
  await judgeAbsence(stage, { node, names, cutAt, why, findings });
  findings.back.same("containers of the silent host", await stage.containers(node, app, tied), kept);

  await node.host.linkUp();
  await stage.ready(node);
  await Promise.all([stage.only(app, apps), stage.only(own, standIns), stage.only(tied, ties)]);
  await stage.until("what was single there is over", async () => {
    const old = (await stage.tasks(solo)).find(({ id }) => id === idsOf(solos)[0]);
    return old === undefined || old.desired !== "RUNNING" ? true : undefined;
  });
  findings.back.same("containers of the host that is back", await stage.containers(node, app, tied), kept);
  findings.volume.same("its tasks", idsOf(await stage.tasks(tied)), idsOf(ties));
  findings.own.must("the stand-in stays, as it is told to", idsOf(standIns)[0] !== idsOf(owns)[0]);
  const lives = await stage.lives(solo, [node, ...others]);
  judgeSingle(findings.single, lives, cutAt);
  const up = idsOf(await stage.up(solo));
  findings.single.same("the task that is up", up, single === undefined ? [] : [single.id]);
  await stage.remove(app, own, solo, tied);
  return Object.values(findings);
}

type Names = ReturnType<typeof namesOf>;

function namesOf(prefix: string) {
  const name = (of: string): string => `${prefix}${of}`;
  return { app: name("app"), own: name("own"), solo: name("solo"), tied: name("tied"), data: name("data") };
}

async function judgeAbsence(
  stage: Stage,
  seen: {
    readonly node: HostNode;
    readonly names: Names;
    readonly cutAt: number;
    readonly why: string;
    readonly findings: { readonly silent: Finding; readonly own: Finding; readonly volume: Finding };
  },
): Promise<void> {
  const { node, names, cutAt, why, findings } = seen;
  const replacements = async (service: string): Promise<Task[]> =>
    (await stage.tasks(service)).filter(({ replaces }) => replaces !== "");
  findings.silent.within("replacedMs", createdAfterMs(await replacements(names.app), cutAt), REPLACED_MS);
  findings.own.within("replacedMs", createdAfterMs(await replacements(names.own), cutAt), OWN_REPLACED_MS);
  const tied = await stage.tasks(names.tied);
  findings.volume.note("tasks", tied.length);
  findings.volume.must("nothing was started elsewhere", tied.length === 1);
  findings.volume.note("why", why);
  findings.volume.must("why names the volume", why.includes(names.data));
  findings.volume.must("why names the node", why.includes(node.name));
}

function judgeSingle(finding: Finding, lives: readonly Life[], cutAt: number): void {
  const [first, second] = lives;
  finding.must("two containers, one after the other", lives.length === 2 && first?.node !== second?.node);
  finding.within("stoppedMs", (first?.untilMs ?? Infinity) - cutAt, STOPPED_MS);
  finding.within("startedElsewhereMs", (second?.fromMs ?? Infinity) - cutAt, RESTARTED_MS);
  finding.within("bothMs", overlapMs(lives), [0, 0]);
}
