/**
 * The one door to @peculiar/x509: keys, the cluster's root, requests and certificates, as PEM texts.
 * Reading and verifying in the daily path is node:crypto's job (identity.ts); this file makes them.
 */
import "reflect-metadata";
import { createHash, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { AppError, invalid } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import type { NodeIdentity } from "./types.ts";

const DAY_MS = 86_400_000;
export const ROOT_VALIDITY_MS = 20 * 365 * DAY_MS;
export const LEAF_VALIDITY_MS = 90 * DAY_MS;
/** Backdating: made by a manager whose clock is a day ahead, a certificate is good at once for all others. */
export const CLOCK_SKEW_MS = DAY_MS + 3_600_000;
/** Far above any request we make; a larger one is refused unread. */
export const CSR_BYTES_MAX = 16 * 1024;
export const CONTEXT_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/;

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export type KeyPair = { readonly keyPem: string; readonly publicKeyFingerprint: string };
export type RootPems = { readonly certificatePem: string; readonly keyPem: string };

export async function createRoot(env: Env, clusterId: string): Promise<RootPems> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const now = env.wallNow();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(env),
      name: name({ commonName: "shoal-root", organization: clusterId }),
      notBefore: new Date(now - CLOCK_SKEW_MS),
      notAfter: new Date(now + ROOT_VALIDITY_MS),
      keys,
      signingAlgorithm: KEY_ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificatePem: certificate.toString("pem"), keyPem: await exportKey(keys.privateKey) };
}

/** A fresh P-256 key pair; the private half as PKCS#8. */
export async function createKeyPair(): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const spki = await webcrypto.subtle.exportKey("spki", keys.publicKey);
  return { keyPem: await exportKey(keys.privateKey), publicKeyFingerprint: fingerprint(spki) };
}

/** A request that proves possession of the key. Its subject is for people: the issuer sets the real one. */
export async function createCsr(keyPem: string, commonName: string): Promise<string> {
  const keys = await importKeyPair(keyPem);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: name({ commonName }), keys, signingAlgorithm: KEY_ALGORITHM },
    webcrypto,
  );
  return csr.toString("pem");
}

export type CsrFacts = { readonly publicKeyFingerprint: string };

/** @throws AppError `invalid` unless it is a P-256 request signed with its own key. */
export async function readCsr(csrPem: string): Promise<CsrFacts> {
  const csr = await parseCsr(csrPem);
  return { publicKeyFingerprint: fingerprint(csr.publicKey.rawData) };
}

/** Loads the root once; the returned functions sign with it. */
export async function loadIssuer(root: RootPems, env: Env): Promise<Issuer> {
  const issuer = new x509.X509Certificate(root.certificatePem);
  const key = await importPrivateKey(root.keyPem, ["sign"]);
  return {
    signNode: async (csrPem, identity) => await sign({ env, issuer, key, csrPem, ...nodeProfile(identity) }),
    signContext: async (csrPem, subject) => await sign({ env, issuer, key, csrPem, ...contextProfile(subject) }),
  };
}

export type Issuer = {
  signNode(csrPem: string, identity: NodeIdentity): Promise<string>;
  signContext(csrPem: string, subject: { readonly clusterId: string; readonly name: string }): Promise<string>;
};

type Profile = { readonly subject: x509.JsonName; readonly dnsNames: readonly string[]; readonly usages: string[] };

function nodeProfile({ clusterId, nodeId, role }: NodeIdentity): Profile {
  return {
    subject: name({ commonName: nodeId, organizationalUnit: role, organization: clusterId }),
    dnsNames: [`${nodeId}.node.shoal`, `${role}.shoal`],
    usages: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
  };
}

function contextProfile(subject: { readonly clusterId: string; readonly name: string }): Profile {
  if (!CONTEXT_NAME_PATTERN.test(subject.name)) {
    throw invalid("name", `"${subject.name}" is not a context name`, "use letters, digits and . _ @ -, at most 63");
  }
  return {
    subject: name({ commonName: subject.name, organizationalUnit: "admin", organization: subject.clusterId }),
    dnsNames: [],
    usages: [x509.ExtendedKeyUsage.clientAuth],
  };
}

type Signing = Profile & {
  readonly env: Env;
  readonly issuer: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
  readonly csrPem: string;
};

async function sign({ env, issuer, key, csrPem, subject, dnsNames, usages }: Signing): Promise<string> {
  const csr = await parseCsr(csrPem);
  const publicKey = await csr.publicKey.export(webcrypto);
  const now = env.wallNow();
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(env),
      subject,
      issuer: issuer.subjectName.toJSON(),
      notBefore: new Date(now - CLOCK_SKEW_MS),
      notAfter: new Date(Math.min(now + LEAF_VALIDITY_MS, issuer.notAfter.getTime())),
      publicKey,
      signingKey: key,
      signingAlgorithm: KEY_ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        ...(dnsNames.length === 0
          ? []
          : [new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: "dns", value })))]),
      ],
    },
    webcrypto,
  );
  return certificate.toString("pem");
}

async function parseCsr(csrPem: string): Promise<x509.Pkcs10CertificateRequest> {
  if (csrPem.length > CSR_BYTES_MAX) throw invalid("csr_pem", `is larger than ${CSR_BYTES_MAX} bytes`);
  let csr: x509.Pkcs10CertificateRequest;
  let isSigned: boolean;
  try {
    csr = new x509.Pkcs10CertificateRequest(csrPem);
    isSigned = await csr.verify(webcrypto);
  } catch (error) {
    throw new AppError("invalid", "csr_pem: is not a PEM certificate request", { path: "csr_pem" }, error);
  }
  if (!isSigned) throw invalid("csr_pem", "is not signed with its own key");
  const { name: algorithm, namedCurve } = { namedCurve: undefined, ...csr.publicKey.algorithm };
  if (algorithm !== "ECDSA" || namedCurve !== "P-256") throw invalid("csr_pem", "must be for an ECDSA P-256 key");
  return csr;
}

/** Structured, so that no character of a name can add an attribute of its own. */
function name(parts: { commonName: string; organizationalUnit?: string; organization?: string }): x509.JsonName {
  return [
    ...(parts.organization === undefined ? [] : [{ O: [parts.organization] }]),
    ...(parts.organizationalUnit === undefined ? [] : [{ OU: [parts.organizationalUnit] }]),
    { CN: [parts.commonName] },
  ];
}

/** Positive and 127 bits at most: RFC 5280 4.1.2.2 allows 20 bytes, and a leading one bit would be negative. */
function serialNumber(env: Env): string {
  const bytes = env.randomBytes(16);
  return `7f${Buffer.from(bytes).toString("hex")}`;
}

function fingerprint(spki: ArrayBuffer): string {
  return createHash("sha256").update(Buffer.from(spki)).digest("hex");
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return x509.PemConverter.encode(der, "PRIVATE KEY");
}

async function importPrivateKey(keyPem: string, usages: readonly ["sign"]): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(keyPem);
  if (der === undefined) throw new AppError("corrupt", "The private key is not a PEM text");
  return await webcrypto.subtle.importKey("pkcs8", der, KEY_ALGORITHM, true, [...usages]);
}

/** WebCrypto wants both halves; the public one is inside the private key's JWK. */
async function importKeyPair(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const privateKey = await importPrivateKey(keyPem, ["sign"]);
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey("jwk", privateKey);
  if (kty === undefined || crv === undefined || x === undefined || y === undefined) {
    throw new AppError("corrupt", "The private key is not an elliptic-curve key");
  }
  const publicKey = await webcrypto.subtle.importKey("jwk", { kty, crv, x, y }, KEY_ALGORITHM, true, ["verify"]);
  return { privateKey, publicKey };
}
