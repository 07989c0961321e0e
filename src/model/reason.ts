/**
 * Why things are as they are, in the words that the store keeps: of causes, of tasks that wait, of
 * rollouts. They quote names, constraints and what nodes say, and each is in hundreds of rows of one entry.
 */
import { cutText } from "../util/text.ts";

/** UTF-8. */
export const REASON_BYTES_MAX = 1024;

export function reasonText(text: string): string {
  return cutText(text, REASON_BYTES_MAX);
}
