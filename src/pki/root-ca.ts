/** The cluster's certificate authority as loaded from its PEM texts. Only a manager holds one. */
import type { Env } from "../util/env.ts";
import { loadIssuer, type RootPems } from "./x509.ts";
import type { CertificateSigner } from "./types.ts";

/** @throws when the texts are not a certificate and its key. */
export async function rootSigner(root: RootPems, env: Env): Promise<CertificateSigner> {
  return await loadIssuer(root, env);
}
