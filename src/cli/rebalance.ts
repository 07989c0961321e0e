/** `shoal service rebalance`: spreads a service's tasks over the nodes there are, once. */
import type { Command } from "commander";
import type { PlannedMove } from "../proto/gen/PlannedMove.ts";
import { action, type Session } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { Output } from "./output.ts";
import { shown } from "./read-change-write.ts";

type RebalanceFlags = { readonly plan?: boolean };

export function registerRebalance(service: Command): void {
  service
    .command("rebalance <service>")
    .description("Move tasks, one at a time, onto nodes that have two or more fewer")
    .option("--plan", "only say which; exit code 2 if there are any")
    .addHelpText("after", "\nTo have it done whenever a node joins or comes back: shoal service update --rebalance")
    .action(action<RebalanceFlags>(rebalance));
}

export async function rebalance(
  { client, out }: Session,
  flags: RebalanceFlags,
  [id = ""]: readonly string[],
): Promise<void> {
  const { moves, waitsFor, partial } = await client.call("Control.PlanRebalance", { id });
  if (moves.length === 0 && waitsFor === "") {
    out.say(`The tasks of ${id} are spread as they can be: none moves`);
    return;
  }
  if (moves.length > 0) listMoves(out, moves);
  if (partial) out.note("More may follow: only the first ones are worked out");
  if (waitsFor !== "") out.note(`Nothing moves yet: ${waitsFor}`);
  if (flags.plan === true) {
    if (moves.length > 0) process.exitCode = EXIT.changes;
    return;
  }
  const answer = await client.call("Control.RebalanceService", { requestId: client.requestId(), id });
  const { spec } = shown(answer.service, `service "${id}"`);
  out.note("They move one after the other, each once the task in its place is ready");
  out.note(`Next: shoal service ps ${spec?.name ?? id}`);
}

function listMoves(out: Output, moves: readonly PlannedMove[]): void {
  out.list<PlannedMove>(
    moves,
    [
      { title: "TASK", value: ({ taskName }) => taskName },
      { title: "FROM", value: ({ fromNodeName }) => fromNodeName },
      { title: "TO", value: ({ toNodeName }) => toNodeName },
    ],
    ({ taskId }) => taskId,
    (move) => move,
  );
}
