// Two of three managers are gone for longer than any failover takes, and a worker with them: whoever leads then gives
// every node 120 s before it replaces anything.
import { QUORUM_LOSS_AFTER_MS } from "../../../src/manager/sessions/leader-history.ts";
import { QUORUM_LOSS_GRACE_MS } from "../../../src/manager/sessions/liveness.ts";
import type { HostNode } from "../../../test/support/host-cluster.ts";
import { sleep } from "../report.ts";
import { Finding } from "./finding.ts";
import { createdAfterMs, idsOf } from "./stage.ts";
import type { Stage } from "./stage.ts";

/** A leader that lost its followers goes on for up to two seconds. */
const GONE_MS = QUORUM_LOSS_AFTER_MS + 5_000;
/** Until somebody leads again, and notices. */
const LATE_MS = 15_000;
const APP = 2;

export async function proveQuorumLoss(
  stage: Stage,
  { node, managers }: { readonly node: HostNode; readonly managers: readonly HostNode[] },
  prefix: string,
): Promise<Finding[]> {
  const grace = new Finding("quorum-loss-grace");
  const app = `${prefix}app`;
  const tasks = await stage.create(app, { on: node, replicas: APP });
  const before = await stage.containers(node, app);
  for (const { host } of [node, ...managers]) await host.linkDown();
  await sleep(GONE_MS);
  for (const { host } of managers) await host.linkUp();
  const backAt = Date.now();
  await stage.elsewhere(app, APP, node, QUORUM_LOSS_GRACE_MS + 60_000);
  const standIns = (await stage.tasks(app)).filter(({ replaces }) => replaces !== "");
  const within = [QUORUM_LOSS_GRACE_MS, QUORUM_LOSS_GRACE_MS + LATE_MS] as const;
  grace.within("replacedMs", createdAfterMs(standIns, backAt), within);
  await node.host.linkUp();
  await stage.returned(node);
  await stage.onlyIds(app, idsOf(tasks));
  grace.same("containers", await stage.containers(node, app), before);
  await stage.remove(app);
  return [grace];
}
