/** Pages of a list in one stable order. A token is the key of the last row sent, so rows that come and go between pages move nothing. */
import { Heap } from "../../util/heap.ts";
import { invalid } from "../../util/errors.ts";

export const PAGE_SIZE_DEFAULT = 100;
export const PAGE_SIZE_MAX = 1_000;
const TOKEN_LENGTH_MAX = 1_024;
const TOKEN_PREFIX = "1:";

export type Page<Row> = { readonly rows: readonly Row[]; readonly nextPageToken: string };
export type PageRequest = { readonly pageSize: number; readonly pageToken: string };

/** @param keyOf unique for each row. Holds one page of rows at a time, however many there are. */
export function pageOf<Row>(rows: Iterable<Row>, keyOf: (row: Row) => string, request: PageRequest): Page<Row> {
  const size = pageSize(request.pageSize);
  const after = request.pageToken === "" ? null : decodeToken(request.pageToken);
  type Keyed = { readonly key: string; readonly row: Row };
  const smallest = new Heap<Keyed>((a, b) => a.key > b.key);
  for (const row of rows) {
    const key = keyOf(row);
    if (after !== null && key <= after) continue;
    smallest.push({ key, row });
    // One more than the page, to know whether there is a next one.
    if (smallest.size > size + 1) smallest.pop();
  }
  const descending: Keyed[] = [];
  for (let next = smallest.pop(); next !== undefined; next = smallest.pop()) descending.push(next);
  const page = descending.reverse().slice(0, size);
  const last = page.at(-1);
  const hasMore = descending.length > size && last !== undefined;
  return { rows: page.map(({ row }) => row), nextPageToken: hasMore ? encodeToken(last.key) : "" };
}

function pageSize(asked: number): number {
  if (asked === 0) return PAGE_SIZE_DEFAULT;
  if (asked <= PAGE_SIZE_MAX) return asked;
  throw invalid(
    "pageSize",
    `${asked} is more than ${PAGE_SIZE_MAX}`,
    "read more pages, with nextPageToken as pageToken",
  );
}

function encodeToken(key: string): string {
  return Buffer.from(TOKEN_PREFIX + key).toString("base64url");
}

function decodeToken(token: string): string {
  const text = token.length <= TOKEN_LENGTH_MAX ? Buffer.from(token, "base64url").toString() : "";
  if (text.startsWith(TOKEN_PREFIX)) return text.slice(TOKEN_PREFIX.length);
  throw invalid("pageToken", "is not a token of a page", "send the nextPageToken of the answer before, or nothing");
}
