/** Probes of containers: commands inside them, and their ports by the way there is (reach.ts). */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import type { Env } from "../../../util/env.ts";
import { AppError } from "../../../util/errors.ts";
import type { Probe, ProbeLimits, ProbeOutcome, RuntimeState } from "../executor.ts";
import { failed, probeHttp, probeTcp } from "../net-probe.ts";
import type { EngineAddress, EngineClient } from "./engine-client.ts";
import { statusOf } from "./engine-error.ts";
import { ExecProber } from "./exec-probe.ts";
import { addressOf, defaultGateway, reachOf, type Reach, type Surroundings } from "./reach.ts";

/** Files that engines put into every container. */
const CONTAINER_MARKS = ["/.dockerenv", "/run/.containerenv"];

export class DockerProber {
  readonly #env: Env;
  readonly #client: EngineClient;
  readonly #engineHost: string;
  readonly #execs: ExecProber;
  /** By container; another start of it may have given it another address. */
  readonly #reaches = new Map<string, { readonly startedAtMs: number; readonly reach: Reach }>();

  constructor(env: Env, client: EngineClient, address: EngineAddress) {
    this.#env = env;
    this.#client = client;
    this.#engineHost = "host" in address ? address.host : "";
    this.#execs = new ExecProber(env, client);
  }

  /** @throws unavailable, cancelled */
  async probe(runtime: RuntimeState, probe: Probe, limits: ProbeLimits): Promise<ProbeOutcome> {
    try {
      return await this.#ask(runtime, probe, limits);
    } catch (error) {
      const { code, message } = AppError.from(error);
      if (code === "unavailable" || code === "cancelled") throw error;
      // The engine refused: a container that ended, a program that is not there.
      return failed(message);
    }
  }

  async #ask(runtime: RuntimeState, { command, http, tcp }: Probe, limits: ProbeLimits): Promise<ProbeOutcome> {
    const port = http?.port ?? tcp?.port;
    if (port === undefined) return await this.#execs.probe(runtime.runtimeId, command?.command ?? [], limits);
    const reach = await this.#reachOf(runtime, limits.signal);
    if (reach === null) return failed("its container is gone");
    const address = addressOf(port, reach, runtime.ports);
    if (address === null) {
      return failed(
        `port ${port} cannot be reached from this agent, which runs outside the container's network: publish the port, ` +
          "run the agent in the host's network, or check with a command",
      );
    }
    if (http) return await probeHttp(this.#env, http, { address, limits });
    return await probeTcp(this.#env, port, { address, limits });
  }

  forget(containerId: string): void {
    this.#reaches.delete(containerId);
    this.#execs.forget(containerId);
  }

  async #reachOf({ runtimeId, startedAtMs }: RuntimeState, signal: AbortSignal): Promise<Reach | null> {
    const known = this.#reaches.get(runtimeId);
    if (known?.startedAtMs === startedAtMs) return known.reach;
    try {
      const info = await this.#client.call({ what: "Inspecting the container", signal }, (docker, abortSignal) =>
        docker.getContainer(runtimeId).inspect({ abortSignal }),
      );
      const reach = reachOf(info, await surroundings(this.#engineHost));
      this.#reaches.set(runtimeId, { startedAtMs, reach });
      return reach;
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  }
}

async function surroundings(engineHost: string): Promise<Surroundings> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const interfaces = all.flatMap(({ family, cidr }) => (family === "IPv4" && cidr !== null ? [cidr] : []));
  const routes = await readFile("/proc/net/route", "utf8").catch(() => "");
  return { interfaces, isInContainer: CONTAINER_MARKS.some(existsSync), gateway: defaultGateway(routes), engineHost };
}
