/** Recoveries and restores of simulated machines: what `shoal recover` and `shoal restore` do to a data directory. */
import type { Begun } from "../../src/manager/new-life.ts";
import { RestoredState } from "../../src/manager/restored.ts";
import { Survivor } from "../../src/manager/survivor.ts";
import { PROTOCOLS } from "../../src/model/protocol.ts";
import { openStream } from "../../src/proto/client.ts";
import { AppError } from "../../src/util/errors.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { Machine } from "./sim-machine.ts";

const DISK_MS = 60_000;

/** Of a machine that is down. */
export async function recover(cluster: SimCluster, machine: Machine): Promise<Begun> {
  if (machine.isUp) throw new Error(`${machine.name} runs: it holds its own data`);
  const env = cluster.sim.env(`recover/${machine.name}`);
  const work = async (): Promise<Begun> => {
    const survivor = await Survivor.open(
      { env, kvFactory: machine.disk.factory(env) },
      {
        identity: { clusterId: cluster.clusterId, nodeId: machine.id },
        dataDir: machine.name,
        protocolMax: PROTOCOLS.max,
      },
    );
    try {
      return await survivor.becomeCluster(machine.address);
    } finally {
      await survivor.close();
    }
  };
  return await cluster.sim.resolve(work(), { timeoutMs: DISK_MS, what: `recovering ${machine.name}` });
}

/** Streamed from one manager, as `shoal backup` does it. */
export async function takeBackup(cluster: SimCluster, manager: Machine): Promise<Buffer> {
  const parts: Buffer[] = [];
  let isComplete = false;
  const channel = cluster.client("backup").dial(manager.address, { peer: { kind: "manager" } });
  const done = new Promise<void>((resolve, reject) => {
    openStream(
      channel,
      "Backup.Read",
      {
        onMessage: ({ data, end }) => {
          if (data !== undefined) parts.push(data);
          if (end) isComplete = true;
        },
        onClose: ({ error }) => {
          if (error === null && isComplete) resolve();
          else reject(error ?? new AppError("internal", "The backup has no end"));
        },
      },
      { request: {} },
    );
  });
  await cluster.sim.resolve(done, { timeoutMs: DISK_MS, what: `a backup of ${manager.name}` });
  channel.close();
  return Buffer.concat(parts);
}

/** On a machine that is down and has an empty disk and a new id. */
export async function restore(cluster: SimCluster, machine: Machine, file: Uint8Array): Promise<Begun> {
  const env = cluster.sim.env(`restore/${machine.name}`);
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield file;
  };
  const work = async (): Promise<Begun> => {
    const state = await RestoredState.read(env, "the backup", { chunks: chunks(), protocolMax: PROTOCOLS.max });
    const self = cluster.nodeObject(machine);
    return await state.becomeCluster({ env, kvFactory: machine.disk.factory(env) }, { self, dataDir: machine.name });
  };
  return await cluster.sim.resolve(work(), { timeoutMs: DISK_MS, what: `restoring ${machine.name}` });
}
