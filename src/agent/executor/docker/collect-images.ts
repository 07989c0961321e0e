/** Frees what an engine's images take that nobody needs (unused-images.ts says which). */
import { AppError } from "../../../util/errors.ts";
import type { Logger } from "../../../util/log.ts";
import { REMOVE_MS, type EngineClient } from "./engine-client.ts";
import { unusedImages } from "./unused-images.ts";

/** @returns how many names or images went. One that cannot be removed costs the others nothing. @throws unavailable */
export async function collectImages(client: EngineClient, log: Logger, signal: AbortSignal): Promise<number> {
  const images = await client.call({ what: "Listing images", signal }, (docker, abortSignal) =>
    docker.listImages({ abortSignal }),
  );
  // Listed after the images: what was made of one meanwhile is among them.
  const containers = await client.call({ what: "Listing containers", signal }, (docker, abortSignal) =>
    docker.listContainers({ all: true, abortSignal }),
  );
  let removed = 0;
  for (const image of unusedImages(images, new Set(containers.map(({ ImageID }) => ImageID)))) {
    try {
      await client.call({ what: `Removing image ${image}`, ms: REMOVE_MS, signal }, (docker, abortSignal) =>
        docker.getImage(image).remove({ abortSignal }),
      );
      removed += 1;
    } catch (error) {
      signal.throwIfAborted();
      log.debug("image not removed", { image, error: AppError.from(error).message });
    }
  }
  return removed;
}
