/** Service flags through commander, so that a flag without its wiring is found. */
import { Command } from "commander";
import { exitCodeOf } from "../../src/cli/exit.ts";
import { createFlags, updateFlags } from "../../src/cli/service-flags.ts";
import { applyFlags, newSpec, type SpecFlags } from "../../src/cli/spec-flags.ts";
import type { ContainerSpec, ServiceSpec, TaskSpec } from "../../src/model/index.ts";

export function created(...words: string[]): ServiceSpec {
  let spec: ServiceSpec | null = null;
  const service = new Command().enablePositionalOptions().exitOverride();
  createFlags(service.command("create [image] [args...]"))
    .passThroughOptions()
    .action((...args: unknown[]) => {
      const command = args.at(-1) as Command;
      spec = newSpec(clean(command.opts()), command.args, { HOME: "/root" });
    });
  service.parse(["create", "--name", "web", ...words], { from: "user" });
  if (spec === null) throw new Error("The action did not run");
  return spec;
}

export function updated(before: ServiceSpec, ...words: string[]): ServiceSpec {
  let spec: ServiceSpec | null = null;
  const service = new Command().enablePositionalOptions().exitOverride();
  updateFlags(service.command("update <service>")).action((...args: unknown[]) => {
    const command = args.at(-1) as Command;
    spec = applyFlags(before, clean(command.opts()), {});
  });
  service.parse(["update", "web", ...words], { from: "user" });
  if (spec === null) throw new Error("The action did not run");
  return spec;
}

function clean({ healthcheck, ...flags }: SpecFlags): SpecFlags {
  return healthcheck === false ? { ...flags, healthcheck } : flags;
}

export function container(spec: ServiceSpec): ContainerSpec {
  if (!spec.task?.container) throw new Error("No container");
  return spec.task.container;
}

export function task(spec: ServiceSpec): TaskSpec {
  if (spec.task === null) throw new Error("No task");
  return spec.task;
}

export function refusal(work: () => unknown): { code: number; message: string } {
  try {
    work();
  } catch (error) {
    return { code: exitCodeOf(error), message: (error as Error).message };
  }
  throw new Error("It was expected to be refused");
}
