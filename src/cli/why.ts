/** `shoal why`: one screen that says what keeps something from being what it should be. */
import type { Command } from "commander";
import type { ExplainReason } from "../model/index.ts";
import type { ExplainResponse } from "../proto/gen/ExplainResponse.ts";
import { asCalled } from "./as-called.ts";
import { action, type Session } from "./command.ts";
import { oneLine, type Painter } from "./output.ts";
import { shortId } from "./render.ts";

export function registerWhy(command: Command): void {
  command.argument("<service|task|node>", "its name or id; a task also as SERVICE.SLOT").action(action(why));
}

async function why({ client, out }: Session, _: object, [id = ""]: readonly string[]): Promise<void> {
  const answer = await client.call("Control.Explain", { id });
  if (out.isJson) out.json(answer);
  else for (const line of explanation(answer, out.painter(out.out))) out.line(asCalled(line));
}

/** What it is about stands once, its reasons below it; no column grows with the longest text. */
export function explanation(answer: ExplainResponse, paint: Painter): string[] {
  const name = answer.name === "" ? shortId(answer.id) : answer.name;
  const lines = [`${answer.kind} ${paint("bold", name)}: ${oneLine(answer.summary)}`];
  let about = "";
  for (const reason of answer.reasons) {
    const subject = subjectOf(reason);
    if (subject !== about) lines.push("", paint("bold", subject));
    about = subject;
    lines.push(`  ${reason.code}: ${oneLine(reason.message)}`);
    if (reason.next !== "") lines.push(`    Next: ${oneLine(reason.next)}`);
  }
  return lines;
}

function subjectOf({ subjectKind, subjectName, subjectId }: ExplainReason): string {
  return `${subjectKind} ${subjectName === "" ? shortId(subjectId) : subjectName}`.trim();
}
