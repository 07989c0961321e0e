// A later version of Shoal, for tests and proofs of upgrades: a copy of this checkout's program that speaks one protocol
// more, with a field that came with it. What it writes once an upgrade is final, this version cannot read.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";

import { LOAD_OPTIONS } from "../../src/proto/package.ts";
import { PROTOCOLS } from "../../src/model/protocol.ts";
import { cleanupOnce } from "./interruption.ts";
import { runOk } from "./run.ts";
import { ROOT } from "./shoal.ts";

export const LATER_PROTOCOL = PROTOCOLS.max + 1;
const LATER_RELEASE = "9.9.9";

const SCRIPTS = ["scripts/build.ts", "scripts/gen-proto.ts", "scripts/gen-codecs.ts"];
const PARTS = ["bin", "proto", "src", ...SCRIPTS, "package.json", "tsconfig.json", "tsconfig.build.json"];
const BUILD_MS = 180_000;

export class LaterVersion implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "shoal-later-"));
  readonly bin = join(this.root, "bin", "shoal.mjs");
  readonly #types: ReturnType<typeof loadSync>;

  constructor() {
    for (const part of PARTS) cpSync(join(ROOT, part), join(this.root, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(this.root, "node_modules"));
    this.#patch("package.json", /("version": ")[^"]+/, `$1${LATER_RELEASE}`);
    this.#patch("src/model/protocol.ts", /(PROTOCOLS: Protocols = \{ min: \d+, max: )\d+/, `$1${LATER_PROTOCOL}`);
    this.#patch(
      "src/proto/fields-since.ts",
      /(FIELDS_SINCE: Readonly<Record<string, number>> = \{)/,
      `$1 "TaskSpec.motto": ${LATER_PROTOCOL},`,
    );
    this.#patch("proto/shoal/v1/specs.proto", /(\nmessage TaskSpec \{)/, "$1\n  string motto = 990;");
    const includeDirs = [join(this.root, "proto")];
    this.#types = loadSync("shoal/v1/control.proto", { ...LOAD_OPTIONS, includeDirs });
  }

  /** Generates its codecs, which drop a field they do not know, and compiles it: without, every start does. */
  async build(): Promise<void> {
    await this.#run("scripts/gen-proto.ts");
    // What makes tasks in this version's program does not set the field.
    this.#patch("src/proto/gen/TaskSpec.ts", /^ {2}'motto':/gm, "  'motto'?:");
    await this.#run("scripts/build.ts");
  }

  /** Its image, made of this version's: only the program differs. Call `build` first. */
  async buildImage(image: string, base: string): Promise<void> {
    writeFileSync(join(this.root, "Dockerfile"), `FROM ${base}\nCOPY package.json ./\nCOPY dist dist\n`);
    writeFileSync(join(this.root, ".dockerignore"), "*\n!package.json\n!dist\n");
    await runOk(["docker", "build", "-q", "-t", image, this.root], { timeoutMs: BUILD_MS });
  }

  /** A message as this version's clients write it: with `motto` in a task's spec. */
  encode(message: string, value: object): Uint8Array {
    return this.#type(message).serialize(value);
  }

  decode(message: string, bytes: Uint8Array): object {
    return this.#type(message).deserialize(Buffer.from(bytes));
  }

  /** Removes it. */
  readonly [Symbol.asyncDispose] = cleanupOnce(() => rmSync(this.root, { recursive: true, force: true }));

  async #run(script: string): Promise<void> {
    await runOk([process.execPath, "--import", "tsx", script], { cwd: this.root, timeoutMs: BUILD_MS });
  }

  #type(message: string): MessageTypeDefinition<object, object> {
    const definition = this.#types[`shoal.v1.${message}`];
    if (definition === undefined) throw new Error(`There is no message ${message}`);
    // proto-loader's union has no discriminant in its types.
    return definition as unknown as MessageTypeDefinition<object, object>;
  }

  /** A pattern that fits nothing would leave the version as it is, and the proof would prove nothing. */
  #patch(file: string, pattern: RegExp, replacement: string): void {
    const path = join(this.root, file);
    const before = readFileSync(path, "utf8");
    const after = before.replace(pattern, replacement);
    if (after === before) throw new Error(`${file} has no ${String(pattern)} any more`);
    writeFileSync(path, after);
  }
}
