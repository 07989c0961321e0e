/** `shoal context ...` */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { AppError } from "../util/errors.ts";
import { realEnv } from "../util/real-env.ts";
import { action, offline, type Session } from "./command.ts";
import {
  checkContextName,
  checkReplaces,
  currentName,
  listContexts,
  parseContext,
  removeContext,
  saveContext,
  useContext,
  writePrivate,
  type ContextSummary,
} from "./context.ts";
import { usage } from "./exit.ts";
import { parseHosts } from "./target.ts";

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is shown as such. */
const EXPIRES_SOON_MS = 14 * DAY_MS;
/** Of a file to import: a context has three PEM texts of about 1 KiB. */
const FILE_BYTES_MAX = 1024 * 1024;

type ImportFlags = { readonly name?: string; readonly use?: boolean; readonly replace?: boolean };
type ExportFlags = { readonly name: string; readonly hosts?: string; readonly output?: string };

export function registerContext(context: Command): void {
  context
    .command("ls")
    .description("List contexts; * is the one in use")
    .option("-q, --quiet", "only names")
    .action(offline(list));
  context.command("use <name>").description("Make a context the current one").action(offline(use));
  context
    .command("import <file>")
    .description("Add a context from a file (- is standard input)")
    .option("--name <name>", "instead of the name inside")
    .option("--use", "make it the current one")
    .option("--replace", "also where the name is that of another cluster, or of other addresses")
    .action(offline<ImportFlags>(importFile));
  context
    .command("export")
    .description("Make a context with a certificate of its own, to standard output")
    .option("--name <name>", "name of the context and of its user", "shoal")
    .option("--hosts <host:port,...>", "addresses to put in instead of the managers' own")
    .option("-o, --output <file>", "write it to a file only you can read")
    .action(action<ExportFlags>(exportContext));
  context.command("rm <name...>").description("Forget contexts").action(offline(remove));
}

async function use({ out }: Session, _: object, [name = ""]: readonly string[]): Promise<void> {
  useContext(name);
  out.say(`Current context: ${name}`);
  if (out.isJson) out.json({ name });
  const named = process.env["SHOAL_CONTEXT"] ?? "";
  if (named !== "" && named !== name) out.note(`SHOAL_CONTEXT=${named} still wins over it in this shell.`);
}

async function list({ out }: Session): Promise<void> {
  const now = realEnv.wallNow();
  const isExpiring = ({ expiresAtMs }: ContextSummary): boolean =>
    expiresAtMs !== null && expiresAtMs - now < EXPIRES_SOON_MS;
  const contexts = listContexts();
  const isAnyBroken = contexts.some(({ error }) => error !== "");
  out.list<ContextSummary>(
    contexts,
    [
      { title: "NAME", value: ({ name, isCurrent }) => `${name}${isCurrent ? " *" : ""}` },
      { title: "HOSTS", value: ({ hosts }) => hosts.join(",") },
      {
        title: "EXPIRES",
        value: ({ expiresAtMs }) => (expiresAtMs === null ? "" : expiry(expiresAtMs, now)),
        style: (item) => (isExpiring(item) ? "yellow" : null),
      },
      ...(isAnyBroken
        ? [{ title: "ERROR", value: ({ error }: ContextSummary) => error, style: () => "red" as const }]
        : []),
    ],
    ({ name }) => name,
    (item) => item,
  );
}

function expiry(atMs: number, nowMs: number): string {
  const days = Math.floor((atMs - nowMs) / DAY_MS);
  if (atMs <= nowMs) return "expired";
  return days === 0 ? "today" : `in ${days} day${days === 1 ? "" : "s"}`;
}

async function importFile({ out }: Session, flags: ImportFlags, [file = ""]: readonly string[]): Promise<void> {
  const parsed = parseContext(read(file), file === "-" ? "standard input" : file);
  const context = flags.name === undefined ? parsed : { ...parsed, name: flags.name };
  if (flags.replace !== true) checkReplaces(context);
  const replaced = saveContext(context);
  const isFirst = currentName() === null;
  if (flags.use === true || isFirst) useContext(context.name);
  out.say(`Context ${context.name} reaches ${context.hosts.join(", ")}.`);
  if (out.isJson) out.json({ name: context.name, hosts: context.hosts });
  if (replaced !== null) out.note(`It replaces one of another cluster (${replaced}).`);
  const isUsed = currentName() === context.name;
  out.note(isUsed ? "Next: shoal node ls" : `Next: shoal context use ${context.name}`);
}

function read(file: string): string {
  if (file === "-" && process.stdin.isTTY)
    throw usage("Nothing is piped to standard input", "shoal context import FILE");
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError("not-found", `Cannot read ${file}: ${why}`, { path: "file" }, error);
  }
  if (text.length <= FILE_BYTES_MAX) return text;
  throw new AppError("invalid", `${file} is not a context: it is larger than 1 MiB`, { path: "file" });
}

/** The key is made here and goes nowhere but to the output. */
async function exportContext({ client, out }: Session, { name, hosts, output }: ExportFlags): Promise<void> {
  checkContextName(name);
  const given = parseHosts(hosts ?? "");
  // The certificate library costs more than the rest of a start: only this command pays for it.
  const { createCsr, createKeyPair } = await import("../pki/x509.ts");
  const { keyPem } = await createKeyPair();
  const csrPem = await createCsr(keyPem, name);
  const answer = await client.call("CertificateAuthority.IssueContextCertificate", { csrPem, name });
  const context = {
    name,
    clusterId: answer.clusterId,
    hosts: given.length === 0 ? answer.managers : given,
    certificatePem: answer.certificatePem,
    keyPem,
    rootCertificatePem: answer.rootCertificatePem,
  };
  if (context.hosts.length === 1)
    out.note("It names one manager. Commands that reach it learn of those that join later.");
  if (given.length === 0) out.note("Its addresses are the managers' own; where others lead to them, say --hosts");
  if (output === undefined) {
    out.json(context);
    if (process.stdout.isTTY) out.note("This holds a private key. Better: --output FILE");
    return;
  }
  try {
    writePrivate(resolve(output), `${JSON.stringify(context)}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError("precondition", `Cannot write ${output}: ${why}`, { path: "output" }, error);
  }
  if (out.isJson) out.json({ name, output });
  out.say(`Context ${name} for ${context.hosts.join(", ")} is in ${output}; it holds a private key.`);
  out.note(`Next, where it shall be used: shoal context import ${output}`);
}

async function remove(session: Session, _: object, words: readonly string[]): Promise<void> {
  const { out } = session;
  await session.each(words, async (name) => {
    removeContext(name);
    out.say(name);
    if (out.isJson) out.json({ name, removed: true });
  });
}
