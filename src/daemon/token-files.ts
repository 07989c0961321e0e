/** Join tokens by way of files: what a first manager writes and joiners wait for. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { InitResponse } from "../proto/gen/InitResponse.ts";
import { AppError } from "../util/errors.ts";
import { makeFolder } from "../util/make-folder.ts";
import { sleep, type Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";

const TOKEN_POLL_MS = 200;
export const TOKEN_WAIT_MS = 300_000;

/** Waits until there is something in the file. @throws AppError deadline | cancelled */
export async function readToken(
  { env, log }: { readonly env: Env; readonly log: Logger },
  tokenFile: string,
  signal: AbortSignal,
): Promise<string> {
  const until = env.now() + TOKEN_WAIT_MS;
  for (let waits = 0; env.now() < until; waits += 1) {
    const text = await readFile(tokenFile, "utf8").catch(() => "");
    if (text.trim() !== "") return text.trim();
    if (waits === 0) log.info("waiting for the join token", { tokenFile });
    await sleep(env, TOKEN_POLL_MS, signal);
  }
  throw new AppError("deadline", `No join token in ${tokenFile}`, {
    path: "token-file",
    next: "write the token there, or use --token",
  });
}

/** `<tokenDir>/manager/token` and `<tokenDir>/worker/token`: one can be handed out without the other. */
export async function writeTokens(
  tokenDir: string,
  made: Pick<InitResponse, "managerToken" | "workerToken">,
): Promise<void> {
  for (const [role, token] of [["manager", made.managerToken] as const, ["worker", made.workerToken] as const]) {
    makeFolder(join(tokenDir, role));
    await writeFile(join(tokenDir, role, "token"), `${token}\n`, { mode: 0o600 });
  }
}
