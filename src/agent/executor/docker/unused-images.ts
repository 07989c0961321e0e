/** Which images of an engine nobody needs: not in use by any container, and there to be pulled again. Pure. */
export type ImageEntry = {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null | undefined;
  /** Empty for what was built here: nobody could bring it back. */
  readonly RepoDigests?: readonly string[] | null | undefined;
};

const NO_TAG = "<none>:<none>";

/** @returns what to remove, by name where an image has names: by its id an image with several is refused. */
export function unusedImages(images: readonly ImageEntry[], usedIds: ReadonlySet<string>): string[] {
  return images
    .filter(({ Id, RepoDigests }) => !usedIds.has(Id) && (RepoDigests ?? []).length > 0)
    .flatMap(({ Id, RepoTags }) => {
      const tags = (RepoTags ?? []).filter((tag) => tag !== NO_TAG);
      return tags.length > 0 ? tags : [Id];
    });
}
