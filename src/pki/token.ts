/**
 * Join tokens: `SHOAL-1-<digest of the root certificate>-<secret of one role>`. The digest lets a
 * joiner recognise its cluster before it trusts anything; the secret decides the role.
 */
import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";
import { invalid } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import { ID_LENGTH, newId, toBase36 } from "../util/id.ts";

const PREFIX = "SHOAL-1-";
/** 256 bits in base 36: 36^50 > 2^256. */
const DIGEST_LENGTH = 50;
const SHAPE = /^([0-9a-z]{50})-([0-9a-z]{25})$/;
const NEXT = "copy the whole command that `shoal init` or `shoal cluster join-token` printed";

export type JoinToken = { readonly rootDigest: string; readonly secret: string };

/** 128 random bits, printed as an id is. */
export function newTokenSecret(env: Pick<Env, "randomBytes">): string {
  return newId(env);
}

/** SHA-256 of the certificate's DER bytes, so that re-wrapped PEM is the same root. */
export function rootDigest(rootCertificatePem: string): string {
  const { raw } = new X509Certificate(rootCertificatePem);
  return toBase36(createHash("sha256").update(raw).digest(), DIGEST_LENGTH);
}

export function formatToken(token: JoinToken): string {
  return `${PREFIX}${token.rootDigest}-${token.secret}`;
}

/** @throws AppError `invalid` that says which part is wrong, never the secret. */
export function parseToken(text: string): JoinToken {
  const trimmed = text.trim();
  if (trimmed === "") throw invalid("token", "is empty", NEXT);
  if (trimmed.startsWith("SWMTKN-")) throw invalid("token", "is a token of Docker Swarm, not of Shoal", NEXT);
  if (!trimmed.startsWith(PREFIX)) throw invalid("token", `does not start with ${PREFIX}`, NEXT);
  const match = SHAPE.exec(trimmed.slice(PREFIX.length));
  const [, digest, secret] = match ?? [];
  if (digest === undefined || secret === undefined) {
    const length = PREFIX.length + DIGEST_LENGTH + 1 + ID_LENGTH;
    throw invalid("token", `is cut or changed: it has ${trimmed.length} characters of ${length}`, NEXT);
  }
  return { rootDigest: digest, secret };
}

/** Takes the same time wherever the texts differ; unequal lengths are hashed to equal ones. */
export function secretsEqual(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

/** Whether this root is the one the token was made for. */
export function tokenFitsRoot(token: JoinToken, rootCertificatePem: string): boolean {
  return secretsEqual(token.rootDigest, rootDigest(rootCertificatePem));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
