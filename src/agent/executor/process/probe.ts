/** Probes of a plain process: its ports are this machine's own, its commands run beside it. */
import type { Env } from "../../../util/env.ts";
import type { Probe, ProbeLimits, ProbeOutcome, RuntimeState } from "../executor.ts";
import { failed, probeHttp, probeTcp, type ProbeAddress } from "../net-probe.ts";
import { probeCommand, type CommandTarget } from "./command-probe.ts";

const LOOPBACK = "127.0.0.1";

export type ProcessProbe = {
  readonly runtime: RuntimeState;
  readonly limits: ProbeLimits;
  /** Null if it does not run any more. */
  readonly target: () => Promise<CommandTarget | null>;
};

export async function probeProcess(
  env: Env,
  { command, http, tcp }: Probe,
  { runtime, limits, target }: ProcessProbe,
): Promise<ProbeOutcome> {
  if (http) return await probeHttp(env, http, { address: addressOf(http.port, runtime), limits });
  if (tcp) return await probeTcp(env, tcp.port, { address: addressOf(tcp.port, runtime), limits });
  const found = await target();
  if (found === null) return failed("its process is gone");
  return await probeCommand(env, command?.command ?? [], { target: found, limits });
}

/** A port it was told by SHOAL_PORT_<target>, or else just that one. Exported for its test. */
export function addressOf(port: number, { ports }: Pick<RuntimeState, "ports">): ProbeAddress {
  const known = ports.find(({ target, protocol }) => target === port && protocol === "TCP");
  const isEvery = known === undefined || known.hostIp === "" || known.hostIp === "0.0.0.0" || known.hostIp === "::";
  return { host: isEvery ? LOOPBACK : known.hostIp, port: known?.published ?? port, lingerMs: 0 };
}
