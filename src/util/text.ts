/** Texts that others wrote, bounded in bytes. */

const ELLIPSIS = "…";
/** UTF-8. */
const ELLIPSIS_BYTES = 3;

/** At most `bytesMax` bytes of UTF-8, cut between characters. `bytesMax` is at least 3. */
export function cutText(text: string, bytesMax: number): string {
  // A UTF-16 unit is at most three bytes.
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > bytesMax - ELLIPSIS_BYTES) break;
    end += character.length;
  }
  return text.slice(0, end) + ELLIPSIS;
}
