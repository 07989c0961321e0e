// The disk of a worker's engine fills up: first images that nobody uses go, then no new tasks come.
import { resolve } from "node:path";

import type { HostNode } from "../../../test/support/host-cluster.ts";
import { COLLECT_AT, DISK_LOOK_MS, REFUSE_AT } from "../../../src/agent/disk-watch.ts";
import { ROOT } from "../../lib/shoal.ts";
import { run, stopChild } from "../../lib/run.ts";
import { Finding } from "./finding.ts";
import type { Stage } from "./stage.ts";

export const ENGINE_DISK_BYTES = 128 * 1024 * 1024;
/** Without it the disk is far from full. */
const IMAGE_BYTES = 32 * 1024 * 1024;
const REGISTRY_PORT = 5000;
const IMAGE = `127.0.0.1:${REGISTRY_PORT}/ballast:1`;
const REGISTRY = resolve(ROOT, "scripts/prove/nodes/registry.ts");
const REGISTRY_END_MS = 5_000;
/** One look, and what it takes to do something about it. */
const NOTICED_MS = [0, DISK_LOOK_MS + 5_000] as const;

export async function proveDisk(stage: Stage, node: HostNode, prefix: string): Promise<Finding[]> {
  const [app, next] = [`${prefix}app`, `${prefix}next`];
  const disk = node.engineDisk;
  if (disk === null) throw new Error(`The engine of ${node.name} has no disk of its own`);
  await stage.create(app, { on: node, others: [] });
  const before = await stage.containers(node, app);
  await pullBallast(stage, node);
  const total = await disk.totalBytes();
  const fillTo = async (share: number): Promise<void> => await disk.fill(Math.floor(total * (1 - share)));

  const filling = new Finding("disk-at-90");
  await fillTo((COLLECT_AT + REFUSE_AT) / 2);
  const fillingAt = Date.now();
  await stage.until("the unused image goes", async () => ((await images(node)).includes(IMAGE) ? undefined : true));
  filling.within("collectedMs", Date.now() - fillingAt, NOTICED_MS);
  filling.must("what nobody could bring back stays", (await images(node)).length > 0);
  filling.must("no disk is called full", (await fullPaths(stage, node)).length === 0);

  const full = new Finding("disk-at-95");
  await fillTo((REFUSE_AT + 1) / 2);
  const fullAt = Date.now();
  const paths = await stage.until("it says which path is full", async () => {
    const told = await fullPaths(stage, node);
    return told.length > 0 ? told : undefined;
  });
  full.within("noticedMs", Date.now() - fullAt, NOTICED_MS);
  full.same("the path", paths, [disk.directory]);
  await stage.submit(next, { on: node, others: [] });
  const why = await stage.until("why names the path", async () => {
    const text = await stage.why(next);
    return text.includes(disk.directory) ? text : undefined;
  });
  full.note("why", why);
  full.must("its task waits", (await stage.up(next)).length === 0);
  full.must("its node is ready", (await stage.node(node)).status?.state === "READY");
  full.same("what runs", await stage.containers(node, app), before);
  disk.empty();
  await stage.until("there is room again, and it runs", async () =>
    (await stage.up(next)).length === 1 ? true : undefined,
  );
  full.same("what runs", await stage.containers(node, app), before);
  await stage.remove(app, next);
  return [filling, full];
}

async function pullBallast(stage: Stage, node: HostNode): Promise<void> {
  const command = [process.execPath, "--import", "tsx", REGISTRY, String(REGISTRY_PORT), String(IMAGE_BYTES)];
  const registry = node.host.spawn(command, { cwd: ROOT, stdio: "ignore" });
  try {
    await stage.until("the image is pulled", async () => {
      const { code, stderr } = await run(["docker", "-H", node.host.dockerHost, "pull", "-q", IMAGE]);
      if (code !== 0) throw new Error(stderr);
      return true;
    });
  } finally {
    await stopChild(registry, REGISTRY_END_MS);
  }
}

async function images({ host }: HostNode): Promise<string[]> {
  return (await host.docker(["images", "--format", "{{.Repository}}:{{.Tag}}"])).split("\n");
}

async function fullPaths(stage: Stage, node: HostNode): Promise<readonly string[]> {
  return (await stage.node(node)).description?.fullPaths ?? [];
}
