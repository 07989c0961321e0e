// A paused node gets nothing new, keeps what it has, and takes part again once it is active.
import type { HostNode } from "../../../test/support/host-cluster.ts";
import { Finding } from "./finding.ts";
import type { Stage } from "./stage.ts";

export async function provePause(stage: Stage, node: HostNode, prefix: string): Promise<Finding[]> {
  const app = `${prefix}app`;
  const paused = new Finding("paused-node");
  await stage.create(app, { on: node });
  const before = await stage.containers(node, app);
  await stage.setAvailability(node, "PAUSE");
  await stage.scale(app, 3);
  await stage.elsewhere(app, 2, node);
  paused.same("containers of the paused node", await stage.containers(node, app), before);
  await stage.setAvailability(node, "ACTIVE");
  await stage.scale(app, 4);
  await stage.until("an active node gets the next", async () =>
    (await stage.up(app, { on: node })).length === 2 ? true : undefined,
  );
  await stage.remove(app);
  return [paused];
}
