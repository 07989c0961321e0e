/** Reads every page of a list. */
import type { ListRequestInput } from "../proto/gen/ListRequest.ts";

const PAGE_SIZE = 1000;
/** A bound against a server that never ends a list. */
const PAGES_MAX = 1000;

export async function allPages<P extends { readonly nextPageToken: string }, T>(
  read: (request: ListRequestInput) => Promise<P>,
  items: (page: P) => readonly T[],
  filters: readonly string[] = [],
): Promise<T[]> {
  const all: T[] = [];
  let pageToken = "";
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await read({ filters: [...filters], pageSize: PAGE_SIZE, pageToken });
    all.push(...items(answer));
    pageToken = answer.nextPageToken;
    if (pageToken === "") break;
  }
  return all;
}
