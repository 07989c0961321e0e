/**
 * Which engine this is: a labelled volume that the first agent makes. The engine's own id is no use: cloned machines
 * and several daemons on one machine report the same one.
 */
import type { Env } from "../../../util/env.ts";
import { newId } from "../../../util/id.ts";
import type { EngineClient } from "./engine-client.ts";

export const ENGINE_VOLUME = "shoal-engine";
export const ENGINE_LABEL = "shoal.engine";

/**
 * Race-safe: creating a volume that exists changes nothing, so all agents read the label of whoever was first.
 * @param known the id so far: a volume that was pruned meanwhile is made again under it.
 */
export async function ensureEngineId(
  client: EngineClient,
  env: Env,
  { known, signal }: { known: string; signal: AbortSignal },
): Promise<string> {
  const found = await readEngineId(client, signal);
  if (found !== null) return found;
  const id = known === "" ? newId(env) : known;
  await client.call({ what: "Creating the engine's id", signal }, (docker, abortSignal) => {
    const body = { Name: ENGINE_VOLUME, Driver: "local", Labels: { [ENGINE_LABEL]: id } };
    return docker.createVolume({ ...body, abortSignal });
  });
  return (await readEngineId(client, signal)) ?? id;
}

async function readEngineId(client: EngineClient, signal: AbortSignal): Promise<string | null> {
  const filters = { name: [ENGINE_VOLUME] };
  const { Volumes: volumes } = await client.call({ what: "Reading the engine's id", signal }, (docker, abortSignal) =>
    docker.listVolumes({ filters: JSON.stringify(filters), abortSignal }),
  );
  // The filter matches parts of names.
  const volume = volumes?.find(({ Name }) => Name === ENGINE_VOLUME);
  if (volume === undefined) return null;
  // One made by hand without our label still names the engine: its creation date is as unique as a label.
  const created = "CreatedAt" in volume && typeof volume.CreatedAt === "string" ? volume.CreatedAt : ENGINE_VOLUME;
  return volume.Labels?.[ENGINE_LABEL] ?? created;
}
