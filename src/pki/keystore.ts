/**
 * A node's identity on disk: `<dataDir>/identity/node.json`, mode 0600, with certificate, key and
 * root in one file, because a key and its certificate must change together or not at all.
 * `joining.json` beside it holds the id and key of a join in flight, so that a repeated join is the
 * same node. What it reads it checks: a file of another cluster, or a damaged one, is refused by name.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../util/errors.ts";
import { isId, newId } from "../util/id.ts";
import type { Env } from "../util/env.ts";
import { syncFolder } from "../util/sync-folder.ts";
import { createKeyPair } from "./x509.ts";
import type { CredentialFiles, NodeIdentity } from "./types.ts";

const FORMAT = 1;
/** Certificates and keys are a few KiB; anything larger is not ours. */
const FILE_BYTES_MAX = 256 * 1024;

export type StoredIdentity = { readonly identity: NodeIdentity; readonly files: CredentialFiles };
/** What a joiner keeps from its first attempt to the last. */
export type JoinDraft = { readonly nodeId: string; readonly keyPem: string };

export class Keystore {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "identity");
  }

  get path(): string {
    return join(this.#folder, "node.json");
  }

  get #draftPath(): string {
    return join(this.#folder, "joining.json");
  }

  /** @returns undefined before init or join. @throws AppError `corrupt` that names the file. */
  async load(): Promise<StoredIdentity | undefined> {
    const content = await readJson(this.path);
    return content === undefined ? undefined : readIdentity(this.path, content);
  }

  /** Replaces identity, certificate and key at once, and forgets the join in flight. */
  async save(stored: StoredIdentity): Promise<void> {
    const { identity, files } = stored;
    const content = { format: FORMAT, ...identity, ...files };
    readIdentity(this.path, content);
    await this.#write(this.path, content);
    await rm(this.#draftPath, { force: true });
  }

  /** The id and key to join with: those of an earlier attempt if there was one. */
  async draft(env: Env): Promise<JoinDraft> {
    const content = await readJson(this.#draftPath);
    if (content !== undefined) return readDraft(this.#draftPath, content);
    const { keyPem } = await createKeyPair();
    const draft: JoinDraft = { nodeId: newId(env), keyPem };
    await this.#write(this.#draftPath, { format: FORMAT, ...draft });
    return draft;
  }

  /** After leaving: the node has no identity any more. */
  async forget(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(this.#draftPath, { force: true });
  }

  async #write(path: string, content: object): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
    await writeAtomically(this.#folder, path, `${JSON.stringify(content, null, 2)}\n`);
  }
}

/** tmp + fsync + rename + fsync of the folder: after a crash it is the old file or the new one. */
export async function writeAtomically(folder: string, path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(folder);
}

type Fields = Readonly<Record<string, unknown>>;

async function readJson(path: string): Promise<Fields | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw new AppError("precondition", `Cannot read ${path}: ${messageOf(error)}`, { path }, error);
  }
  if (text.length > FILE_BYTES_MAX) throw damaged(path, `it is larger than ${FILE_BYTES_MAX} bytes`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value));
  } catch {
    // Told below: the parser's words would show pieces of the key.
  }
  throw damaged(path, "it is not a JSON object");
}

function readIdentity(path: string, content: Fields): StoredIdentity {
  checkFormat(path, content);
  const role = content["role"];
  if (role !== "worker" && role !== "manager") throw damaged(path, "role is neither worker nor manager");
  const stored: StoredIdentity = {
    identity: { clusterId: id(path, content, "clusterId"), nodeId: id(path, content, "nodeId"), role },
    files: {
      certificatePem: text(path, content, "certificatePem"),
      keyPem: text(path, content, "keyPem"),
      rootCertificatePem: text(path, content, "rootCertificatePem"),
    },
  };
  checkFiles(path, stored);
  return stored;
}

/** Expiry is not checked here: an expired node must be told so, not that its file is damaged. */
function checkFiles(path: string, { identity, files }: StoredIdentity): void {
  const certificate = certificateOf(path, "certificatePem", files.certificatePem);
  const root = certificateOf(path, "rootCertificatePem", files.rootCertificatePem);
  let isOwnKey: boolean;
  try {
    isOwnKey = certificate.checkPrivateKey(createPrivateKey(files.keyPem));
  } catch {
    throw damaged(path, "keyPem is not a private key");
  }
  if (!isOwnKey) throw damaged(path, "keyPem is not the key of certificatePem");
  if (!certificate.verify(root.publicKey)) throw damaged(path, "certificatePem was not issued by rootCertificatePem");
  const subject = certificate.subject.split("\n");
  const expected = [`O=${identity.clusterId}`, `OU=${identity.role}`, `CN=${identity.nodeId}`];
  if (!expected.every((part) => subject.includes(part))) {
    throw damaged(path, `certificatePem is for ${subject.join(", ")}, not for ${expected.join(", ")}`);
  }
}

function certificateOf(path: string, field: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw damaged(path, `${field} is not a certificate`);
  }
}

function readDraft(path: string, content: Fields): JoinDraft {
  checkFormat(path, content);
  const draft: JoinDraft = { nodeId: id(path, content, "nodeId"), keyPem: text(path, content, "keyPem") };
  try {
    createPrivateKey(draft.keyPem);
  } catch {
    throw damaged(path, "keyPem is not a private key");
  }
  return draft;
}

function checkFormat(path: string, content: Fields): void {
  const format = content["format"];
  if (format !== FORMAT) {
    throw damaged(path, `its format is ${JSON.stringify(format ?? null)}, this version reads ${FORMAT}`);
  }
}

function id(path: string, content: Fields, field: string): string {
  const value = text(path, content, field);
  if (!isId(value)) throw damaged(path, `${field} is not an id`);
  return value;
}

function text(path: string, content: Fields, field: string): string {
  const value = content[field];
  if (typeof value !== "string") throw damaged(path, `${field} is missing`);
  return value;
}

function damaged(path: string, why: string): AppError {
  return new AppError("corrupt", `Cannot use the identity in ${path}: ${why}`, {
    path,
    next: "restore the file, or move it away and join the cluster again",
  });
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
