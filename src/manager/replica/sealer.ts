/**
 * The seam right above the store: what is written passes through `seal`, what is read through
 * `open`. Encryption at rest goes here one day; checksums of the plaintext are inside, the checksum
 * of the stored bytes outside.
 */
export interface Sealer {
  seal(plain: Uint8Array): Uint8Array;
  /** @throws when the bytes were not sealed by the same key. */
  open(sealed: Uint8Array): Uint8Array;
}

export const identitySealer: Sealer = {
  seal: (plain) => plain,
  open: (sealed) => sealed,
};
