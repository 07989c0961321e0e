/** Recoveries and restores of simulated machines: what `shoal recover` and `shoal restore` do to a data directory. */
import type { Begun } from "../../src/manager/new-life.ts";
import { Survivor } from "../../src/manager/survivor.ts";
import { PROTOCOLS } from "../../src/model/protocol.ts";
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
