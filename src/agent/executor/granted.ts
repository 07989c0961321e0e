/** A task's spec with what it was given when it was placed. Pure. */
import { genericEnv } from "../../model/generic-resources.ts";
import type { GenericResource, PortSpec, TaskSpec } from "../../model/index.ts";

type Grant = { readonly ports: readonly PortSpec[]; readonly generic: readonly GenericResource[] };

/** Ports fixed at assignment win over what the spec asks for, and so do the variables that say what the task got. */
export function grantedSpec(spec: TaskSpec, { ports, generic }: Grant): TaskSpec {
  const env = Object.entries(genericEnv(generic)).map(([name, value]) => `${name}=${value}`);
  const withEnv = <S extends { readonly env: readonly string[] }>(runtime: S): S => ({
    ...runtime,
    env: [...runtime.env, ...env],
  });
  return {
    ...spec,
    ...(ports.length > 0 ? { ports: [...ports] } : {}),
    ...(env.length > 0 && spec.container ? { container: withEnv(spec.container) } : {}),
    ...(env.length > 0 && spec.process ? { process: withEnv(spec.process) } : {}),
  };
}
