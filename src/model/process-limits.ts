/** What only a container can have: asked of a process it is refused when the service is made, and by the executor again. */
import type { TaskSpec } from "./index.ts";
import { invalid } from "../util/errors.ts";

const PROCESS = "a plain process";
const NEXT = "leave it out, or run it as a container";

/** @param path of the task's spec. @throws AppError invalid */
export function refuseContainerOnly({ resources, log }: TaskSpec, path: string): void {
  const limits = `${path}.resources.limits`;
  if ((resources?.limits?.nanoCpus ?? 0) > 0) throw invalid(`${limits}.nanoCpus`, `${PROCESS} cannot be limited`, NEXT);
  if ((resources?.limits?.memoryBytes ?? 0) > 0)
    throw invalid(`${limits}.memoryBytes`, `${PROCESS} cannot be limited`, NEXT);
  if ((resources?.pidsLimit ?? 0) > 0)
    throw invalid(`${path}.resources.pidsLimit`, `${PROCESS} cannot be limited`, NEXT);
  if (log !== null && (log.driver !== "" || Object.keys(log.options).length > 0))
    throw invalid(`${path}.log`, `${PROCESS} has no log driver: its logs are files of the agent`, NEXT);
}
