// More than half of the agents fall silent within seconds: rather the network than so many dead hosts.
import { MASS_HOLD_MS } from "../../../src/manager/sessions/mass-silence.ts";
import type { HostNode } from "../../../test/support/host-cluster.ts";
import { sleep } from "../report.ts";
import { Finding } from "./finding.ts";
import { createdAfterMs, idsOf } from "./stage.ts";
import type { Stage } from "./stage.ts";

const BETWEEN_MS = 300;
/** Most are back before the hold is over. */
const BACK_AFTER_MS = MASS_HOLD_MS - 15_000;
/** It begins when half of them have been silent for 3 s. */
const REPLACED_MS = [MASS_HOLD_MS + 2_000, MASS_HOLD_MS + 12_000] as const;
const AFTER_RETURN_MS = 3_000;

/** `nodes` are most of the cluster's; the first one stays away until its tasks run elsewhere. */
export async function proveMassSilence(
  stage: Stage,
  nodes: readonly [HostNode, ...HostNode[]],
  prefix: string,
): Promise<Finding[]> {
  const mass = new Finding("mass-silence");
  const [longest, ...others] = nodes;
  const services = new Map<string, readonly string[]>();
  const takers = nodes.filter(({ host }) => !host.isEngineFrozen);
  const named = takers.map((node, at) => ({ name: `${prefix}app${at}`, node }));
  await Promise.all(
    named.map(async ({ name, node }) => services.set(name, idsOf(await stage.create(name, { on: node })))),
  );
  const running = async (): Promise<string[]> =>
    (await Promise.all(named.map(async ({ name, node }) => await stage.containers(node, name)))).flat();
  const before = await running();
  const cutAt = Date.now();
  for (const { host } of nodes) {
    await host.linkDown();
    await sleep(BETWEEN_MS);
  }
  const lastCutAt = Date.now();
  await stage.until("it is called mass silence", async () => {
    const { cluster } = await stage.client.call("Control.GetCluster", {});
    return cluster?.massSilence !== null && (cluster?.massSilence?.sinceMs ?? 0) > cutAt ? true : undefined;
  });
  const events = await stage.events(cutAt, "event=mass-silence");
  mass.note("event", events[0] ?? "");
  mass.must("one event says so", events.length === 1);
  await sleep(Math.max(0, lastCutAt + BACK_AFTER_MS - Date.now()));
  for (const [name, tasks] of services) mass.same(`tasks of ${name}`, idsOf(await stage.tasks(name)), tasks);
  for (const { host } of others) await host.linkUp();
  await Promise.all(others.map(async (node) => await stage.returned(node)));
  await sleep(AFTER_RETURN_MS);
  mass.same("containers", await running(), before);

  const [first] = named;
  const name = first?.name ?? "";
  await stage.elsewhere(name, 1, longest);
  const standIns = (await stage.tasks(name)).filter(({ replaces }) => replaces !== "");
  mass.within("replacedMs", createdAfterMs(standIns, cutAt), REPLACED_MS);
  await longest.host.linkUp();
  await stage.returned(longest);
  for (const [service, tasks] of services) await stage.onlyIds(service, tasks);
  mass.same("containers in the end", await running(), before);
  await stage.remove(...services.keys());
  return [mass];
}
