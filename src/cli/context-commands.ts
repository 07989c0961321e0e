/** `shoal context ...` */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { createCsr, createKeyPair } from "../pki/x509.ts";
import { AppError } from "../util/errors.ts";
import { action, type Session } from "./command.ts";
import { currentName, listContexts, parseContext, removeContext, saveContext, useContext } from "./context.ts";

export function registerContext(program: Command): void {
  const context = program.command("context").description("Choose which cluster commands talk to");
  context.command("ls").description("List contexts").action(action(list));
  context
    .command("use <name>")
    .description("Make a context the current one")
    .action(
      action(async ({ out }, _, [name = ""]) => {
        useContext(name);
        out.say(`Current context: ${name}`);
        if (out.isJson) out.json({ name });
      }),
    );
  context
    .command("import <file>")
    .description("Add a context from a file (- is standard input)")
    .option("--name <name>", "instead of the name inside")
    .option("--use", "make it the current one")
    .action(action<{ readonly name?: string; readonly use?: boolean }>(importFile));
  context
    .command("export")
    .description("Write a new context with a certificate of its own to standard output")
    .option("--name <name>", "name of the context and of its user", "shoal")
    .option("--hosts <host:port,...>", "addresses to put in instead of the managers' own")
    .action(action<{ readonly name: string; readonly hosts?: string }>(exportContext));
  context
    .command("rm <name>")
    .description("Forget a context")
    .action(
      action(async ({ out }, _, [name = ""]) => {
        removeContext(name);
        out.say(name);
        if (out.isJson) out.json({ name, removed: true });
      }),
    );
}

async function list({ out }: Session): Promise<void> {
  out.list(
    listContexts(),
    [
      { title: "NAME", value: (item) => `${item.name}${item.isCurrent ? " *" : ""}` },
      { title: "HOSTS", value: (item) => item.hosts.join(",") },
    ],
    (item) => item.name,
    (item) => item,
  );
}

async function importFile(
  { out }: Session,
  flags: { readonly name?: string; readonly use?: boolean },
  [file = ""]: readonly string[],
): Promise<void> {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new AppError("not-found", `Cannot read ${file}`, { path: "file" }, error);
  }
  const parsed = parseContext(text, file);
  const context = flags.name === undefined ? parsed : { ...parsed, name: flags.name };
  saveContext(context);
  if (flags.use === true || currentName() === null) useContext(context.name);
  out.say(`Context ${context.name} reaches ${context.hosts.join(", ")}.`);
  out.say("Next: shoal node ls");
  if (out.isJson) out.json({ name: context.name, hosts: context.hosts });
}

/** The key is made here and goes nowhere but to standard output. */
async function exportContext(
  { client, out }: Session,
  flags: { readonly name: string; readonly hosts?: string },
): Promise<void> {
  const { keyPem } = await createKeyPair();
  const csrPem = await createCsr(keyPem, flags.name);
  const answer = await client.call("CertificateAuthority.IssueContextCertificate", { csrPem, name: flags.name });
  out.json({
    name: flags.name,
    clusterId: answer.clusterId,
    hosts: flags.hosts === undefined ? answer.managers : flags.hosts.split(","),
    certificatePem: answer.certificatePem,
    keyPem,
    rootCertificatePem: answer.rootCertificatePem,
  });
}
