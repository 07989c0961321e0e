/**
 * How this node came to be: `<dataDir>/identity/start.json`, written before the identity, so that a
 * start that was cut short goes on where it stopped, and a restart knows what `init` and `join` were
 * told. A first manager's cluster object is in it, root key and all, until it is in the log.
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ManagerBootstrap } from "../manager/manager.ts";
import { writeAtomically } from "../pki/keystore.ts";
import { codec } from "../proto/load.ts";
import { AppError } from "../util/errors.ts";

const FORMAT = 1;

export type StartRecord = {
  /**
   * `leaving`: out of the cluster, and its data are being removed. `restoring`: its data are not
   * complete. Whoever finds either removes them.
   */
  readonly kind: "init" | "join" | "leaving" | "restoring";
  /** Managers to dial until the agent was told of others. */
  readonly managers: readonly string[];
  /** gRPC host:port as told at init or join. */
  readonly advertise: string;
  readonly nodeName: string;
  /** Not null: the first manager's first entries are not known to be written. */
  readonly bootstrap: ManagerBootstrap | null;
};

const clusterCodec = codec("Cluster");
const nodeCodec = codec("Node");

export class StartRecords {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "identity");
  }

  get path(): string {
    return join(this.#folder, "start.json");
  }

  async save(record: StartRecord): Promise<void> {
    const { bootstrap, ...rest } = record;
    const content = {
      format: FORMAT,
      ...rest,
      ...(bootstrap === null
        ? {}
        : {
            cluster: clusterCodec.encode(bootstrap.cluster).toString("base64"),
            node: nodeCodec.encode(bootstrap.node).toString("base64"),
          }),
    };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeAtomically(this.#folder, this.path, `${JSON.stringify(content, null, 2)}\n`);
  }

  /** @returns null if there is none. @throws AppError `corrupt` that names the file */
  async load(): Promise<StartRecord | null> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw new AppError("precondition", `Cannot read ${this.path}`, { path: this.path }, error);
    }
    try {
      return parse(text);
    } catch {
      // The parser's words would show pieces of the root key.
      throw new AppError("corrupt", `Cannot use ${this.path}: it is damaged`, {
        path: this.path,
        next: "restore the file, or move the data directory away and join the cluster again",
      });
    }
  }

  async forget(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

function parse(text: string): StartRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("not an object");
  const fields = new Map<string, unknown>(Object.entries(value));
  const kind = fields.get("kind");
  const managers = fields.get("managers");
  const isKnown = kind === "init" || kind === "join" || kind === "leaving" || kind === "restoring";
  if (fields.get("format") !== FORMAT || !isKnown || !Array.isArray(managers)) throw new Error("unknown format");
  const cluster = fields.get("cluster");
  return {
    kind,
    managers: managers.map(String),
    advertise: string(fields, "advertise"),
    nodeName: string(fields, "nodeName"),
    bootstrap:
      cluster === undefined
        ? null
        : {
            cluster: clusterCodec.decode(Buffer.from(string(fields, "cluster"), "base64")),
            node: nodeCodec.decode(Buffer.from(string(fields, "node"), "base64")),
          },
  };
}

function string(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (typeof value !== "string") throw new Error(`${name} is missing`);
  return value;
}
