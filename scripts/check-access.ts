// Every RPC declares who may call it, and only the two that exist to get a certificate are open to anyone. Part of
// `npm run check`: an undeclared RPC is a build failure, not a surprise at run time.
import { fileURLToPath } from "node:url";

import { RPC_KEYS, type RpcKey } from "../src/proto/load.ts";
import { packageDefinition } from "../src/proto/package.ts";

/** `allow` as written in proto/; undefined where the option is missing. */
export type Declared = {
  readonly key: string;
  readonly allow: readonly string[] | undefined;
  readonly mutation: boolean;
  readonly isStream: boolean;
};

/** Open to a caller without a certificate: the way to get one. */
export const OPEN_TO_ANYONE: ReadonlySet<string> = new Set<RpcKey>([
  "CertificateAuthority.GetRootCertificate",
  "CertificateAuthority.IssueNodeCertificate",
]);

/** One line of text for each violation. */
export function checkAccess(
  rpcs: readonly Declared[] = declaredRpcs(),
  known: ReadonlySet<string> = new Set(RPC_KEYS),
): string[] {
  const problems = rpcs.flatMap(({ key, allow, mutation, isStream }) => {
    if (allow === undefined || allow.length === 0) return [`${key}: declares no (access): say who may call it`];
    const found: string[] = [];
    if (allow.includes("ANYONE") && !OPEN_TO_ANYONE.has(key)) found.push(`${key}: must not be open to ANYONE`);
    if (allow.includes("ANYONE") && allow.length > 1) found.push(`${key}: ANYONE beside others says nothing`);
    if (mutation && isStream) found.push(`${key}: a stream cannot be a mutation: it is not forwarded to the leader`);
    if (!known.has(key)) found.push(`${key}: is not in src/proto/gen: run npm run gen`);
    return found;
  });
  const declared = new Set(rpcs.map(({ key }) => key));
  const gone = [...known]
    .filter((key) => !declared.has(key))
    .map((key) => `${key}: is in src/proto/gen only: run npm run gen`);
  return [...problems, ...gone];
}

/** As the proto files say, not as the generated list does. */
export function declaredRpcs(): Declared[] {
  const found: Declared[] = [];
  for (const [service, definition] of Object.entries(packageDefinition)) {
    if (!service.startsWith("shoal.v1.") || "format" in definition) continue;
    for (const [name, method] of Object.entries(definition)) {
      const access: unknown = Object.entries(method.options).find(([option]) => option === "(access)")?.[1];
      const { allow, mutation } = Object.fromEntries(Object.entries(access ?? {}));
      found.push({
        key: `${service.slice("shoal.v1.".length)}.${name}`,
        allow: allow === undefined ? undefined : [allow].flat().map(String),
        mutation: mutation === true,
        isStream: method.requestStream || method.responseStream,
      });
    }
  }
  return found;
}

function main(): void {
  const problems = checkAccess();
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`access: ${declaredRpcs().length} RPCs in order`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
