/** A command of the CLI that goes on until it is killed, and the whole lines it has written. */
import { spawn, type ChildProcess } from "node:child_process";
import { SHOAL_BIN } from "../../scripts/lib/shoal.ts";

export type Followed = { readonly child: ChildProcess; readonly lines: () => readonly string[] };

export function followed(words: readonly string[], env: NodeJS.ProcessEnv): Followed {
  const child = spawn(process.execPath, [SHOAL_BIN, ...words], { env, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { child, lines: () => text.split("\n").slice(0, -1) };
}
