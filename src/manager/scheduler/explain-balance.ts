/** What a service that is rebalanced does next, or waits for. */
import { isRebalanced } from "../../model/rebalance.ts";
import { nodeName, taskName } from "../../model/naming.ts";
import type { ExplainReason, Service, Task } from "../../model/index.ts";
import { reasonAbout, type Evidence } from "./explain-task.ts";
import { planBalance } from "./rebalance.ts";

/** Nothing where its tasks are spread. */
export function balanceReasons(evidence: Evidence, service: Service, tasks: readonly Task[]): ExplainReason[] {
  if (!isRebalanced(service, evidence.tx.timeMs)) return [];
  const say = (message: string): ExplainReason[] => [
    reasonAbout("service", service.id, service.spec?.name ?? service.id, "rebalance", message),
  ];
  const plan = planBalance(evidence.tx, evidence.book(), service, tasks);
  switch (plan.kind) {
    case "even":
      return [];
    case "wait":
      return say(`it is rebalanced, and the next move waits: ${plan.why}`);
    case "move": {
      const { task, from, to } = plan.move;
      return say(`it is rebalanced: task ${taskName(task)} is next, from node ${nodeName(from)} to ${nodeName(to)}`);
    }
  }
}
