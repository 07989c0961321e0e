/** `shoal service history`, `rollback`, `promote` and `rollout pause|resume`. */
import type { Command } from "commander";
import type { RevisionSummary } from "../proto/gen/RevisionSummary.ts";
import type { SteerRolloutRequest } from "../proto/gen/SteerRolloutRequest.ts";
import type { Service } from "../model/index.ts";
import { action, type GlobalFlags, type Session } from "./command.ts";
import { usage } from "./exit.ts";
import { waitForService } from "./progress.ts";
import { shown } from "./read-change-write.ts";
import { title } from "./render.ts";
import { waitFlags, waiting, type WaitFlags } from "./service-flags.ts";
import { count } from "./value-syntax.ts";
import { realEnv } from "../util/real-env.ts";
import { formatAge } from "../util/units.ts";

/** Flags that change nothing of a service. */
const BESIDE_ROLLBACK: ReadonlySet<string> = new Set<keyof (GlobalFlags & WaitFlags)>([
  "host",
  "context",
  "format",
  "timeout",
  "quiet",
  "detach",
  "waitTimeout",
]);

type RollbackFlags = WaitFlags & { readonly to?: string };

export function registerRollout(service: Command): void {
  service
    .command("history <service>")
    .description("List a service's revisions: who made them, and how their rollouts ended")
    .action(action(history));
  waitFlags(service.command("rollback <service>").description("Go back to an earlier revision"))
    .option("--to <revision>", "instead of the one the last update came from (service history)")
    .action(action<RollbackFlags>(rollback));
  waitFlags(service.command("promote <service>").description("Roll out everywhere what its canary runs")).action(
    action<WaitFlags>((session, flags, words) => steer(session, flags, words, "PROMOTE")),
  );
  const rollout = service.command("rollout").description("Pause a rollout, and let it go on");
  rollout
    .command("pause <service>")
    .description("Replace no further task for now")
    .action(action<WaitFlags>((session, _, words) => steer(session, { detach: true }, words, "PAUSE")));
  waitFlags(
    rollout.command("resume <service>").description("Go on after a pause; what failed until now is forgiven"),
  ).action(action<WaitFlags>((session, flags, words) => steer(session, flags, words, "RESUME")));
}

async function history({ client, out }: Session, _: object, [id = ""]: readonly string[]): Promise<void> {
  const { revisions } = await client.call("Control.ListRevisions", { id });
  const now = realEnv.wallNow();
  out.list<RevisionSummary>(
    revisions,
    [
      { title: "REVISION", value: ({ revision, current }) => `${revision?.number ?? 0}${current ? " *" : ""}` },
      { title: "IMAGE", value: ({ label }) => label },
      { title: "RUNNING", value: ({ running }) => String(running) },
      { title: "CREATED", value: ({ revision }) => `${formatAge(now - (revision?.meta?.createdAtMs ?? now))} ago` },
      { title: "BY", value: ({ revision }) => revision?.cause?.actor ?? "" },
      { title: "WHY", value: ({ revision }) => revision?.cause?.reason ?? "" },
      { title: "OUTCOME", value: outcome },
    ],
    ({ revision }) => String(revision?.number ?? 0),
    ({ revision, label, current, running }) => ({ ...revision, label, current, running }),
  );
}

function outcome({ revision }: RevisionSummary): string {
  if (revision === null || revision.outcome === "NONE") return "";
  const { outcomeMessage } = revision;
  // Of a completed one it says why it began, which for a way back is another revision's failure.
  return outcomeMessage === "" || revision.outcome === "COMPLETED"
    ? title(revision.outcome)
    : `${title(revision.outcome)}: ${outcomeMessage}`;
}

/** `service update --rollback`, as Docker has it. @param flags everything else that was said */
export async function rollbackOnly(session: Session, flags: object, words: readonly string[]): Promise<void> {
  if (Object.keys(flags).some((key) => !BESIDE_ROLLBACK.has(key)))
    throw usage(
      "--rollback changes nothing else",
      `go back first, then change: shoal service update ${words[0] ?? ""}`,
    );
  await rollback(session, flags, words);
}

async function rollback(session: Session, flags: RollbackFlags, [id = ""]: readonly string[]): Promise<void> {
  const { client } = session;
  const to = flags.to === undefined ? 0 : count(flags.to, "--to");
  const wait = waiting(flags);
  const answer = await client.call("Control.RollbackService", { requestId: client.requestId(), id, to });
  const service = shown(answer.service, `service "${id}"`);
  await tell(session, service, `back to revision ${service.revision}`, wait);
}

async function steer(
  session: Session,
  flags: WaitFlags,
  [id = ""]: readonly string[],
  what: Exclude<SteerRolloutRequest["action"], "NONE">,
): Promise<void> {
  const { client } = session;
  const wait = waiting(flags);
  const answer = await client.call("Control.SteerRollout", { requestId: client.requestId(), id, action: what });
  const said = { PAUSE: "paused", RESUME: "goes on", PROMOTE: "promoted" }[what];
  await tell(session, shown(answer.service, `service "${id}"`), said, wait);
  const name = answer.service?.spec?.name ?? id;
  if (what === "PAUSE")
    session.out.note(`Next: shoal service rollout resume ${name}, or shoal service rollback ${name}`);
}

async function tell(
  session: Session,
  service: Service,
  said: string,
  { detach, timeoutMs }: ReturnType<typeof waiting>,
): Promise<void> {
  const { out } = session;
  out.say(`${service.spec?.name ?? service.id} ${said}`);
  if (out.isJson) out.json(service);
  if (!detach) await waitForService(session, service, { timeoutMs });
}
