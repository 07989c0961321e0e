/** A task's spec with what it was given when it was placed. Pure. */
import { genericEnv } from "../../model/generic-resources.ts";
import { GPU_KIND } from "../../model/resources.ts";
import type { ContainerSpec, GenericResource, PortSpec, TaskSpec } from "../../model/index.ts";

type Grant = { readonly ports: readonly PortSpec[]; readonly generic: readonly GenericResource[] };

/** Ports fixed at assignment win over what the spec asks for, and so do the variables that say what the task got. */
export function grantedSpec(spec: TaskSpec, { ports, generic }: Grant): TaskSpec {
  const env = Object.entries(genericEnv(generic)).map(([name, value]) => `${name}=${value}`);
  const withEnv = <S extends { readonly env: readonly string[] }>(runtime: S): S => ({
    ...runtime,
    env: [...runtime.env, ...env],
  });
  const container = spec.container ? withGpus(spec.container, generic) : null;
  return {
    ...spec,
    ...(container !== null && { container }),
    ...(ports.length > 0 ? { ports: [...ports] } : {}),
    ...(env.length > 0 && container !== null ? { container: withEnv(container) } : {}),
    ...(env.length > 0 && spec.process ? { process: withEnv(spec.process) } : {}),
  };
}

/** An engine that is asked for a number hands out its first GPUs, to every container the same. */
function withGpus(container: ContainerSpec, generic: readonly GenericResource[]): ContainerSpec {
  const { gpus } = container;
  const names = generic.find(({ kind }) => kind === GPU_KIND)?.names ?? [];
  if (gpus === null || gpus.count <= 0 || names.length < gpus.count || !names.every(isGpuId)) return container;
  return { ...container, gpus: { ...gpus, count: 0, deviceIds: [...names] } };
}

/** An index, one of a part of a GPU, or an id: operators may call theirs anything. */
function isGpuId(name: string): boolean {
  return /^(\d+(:\d+)?|(GPU|MIG)-.+)$/.test(name);
}
