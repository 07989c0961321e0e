// An agent is killed and its kernel closes the connection: its containers are presumed running.
import { DEFAULT_REPLACE_CLOSED_AFTER_MS } from "../../../src/model/node-loss.ts";
import type { HostNode } from "../../../test/support/host-cluster.ts";
import { Finding } from "./finding.ts";
import { createdAfterMs, idsOf } from "./stage.ts";
import type { Stage } from "./stage.ts";

const REPLACED_MS = [DEFAULT_REPLACE_CLOSED_AFTER_MS - 1_500, DEFAULT_REPLACE_CLOSED_AFTER_MS + 5_000] as const;
const APP = 2;

export async function proveAgentKilled(stage: Stage, node: HostNode, prefix: string): Promise<Finding[]> {
  const [app, solo] = [`${prefix}app`, `${prefix}solo`];
  const [apps, solos] = await Promise.all([
    stage.create(app, { on: node, replicas: APP }),
    stage.create(solo, { on: node, single: true }),
  ]);
  const before = await stage.containers(node, app, solo);
  const killedAt = Date.now();
  await node.kill();
  await stage.elsewhere(app, APP, node);
  const closed = new Finding("agent-killed");
  const standIns = (await stage.tasks(app)).filter(({ replaces }) => replaces !== "");
  closed.within("replacedMs", createdAfterMs(standIns, killedAt), REPLACED_MS);
  closed.same("containers without an agent", await stage.containers(node, app, solo), before);
  const single = new Finding("single-agent-killed");
  single.same("its tasks", idsOf(await stage.tasks(solo)), idsOf(solos));
  single.note("why", await stage.why(solo));

  node.start();
  await stage.ready(node);
  await Promise.all([stage.only(app, apps), stage.only(solo, solos)]);
  closed.same("containers after its return", await stage.containers(node, app, solo), before);
  single.same("its tasks after the return", idsOf(await stage.tasks(solo)), idsOf(solos));
  await stage.remove(app, solo);
  return [closed, single];
}
