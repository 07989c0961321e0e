/** What /metrics shows of a node, read at each scrape. */
import type { Metrics } from "../util/metrics.ts";
import type { ClusterNode } from "./node.ts";

export function nodeMetrics(metrics: Metrics, node: () => ClusterNode | null): void {
  const raft = (read: (manager: NonNullable<ClusterNode["manager"]>) => number) => (): number => {
    const manager = node()?.manager ?? null;
    return manager === null ? 0 : read(manager);
  };
  metrics.gauge(
    "shoal_raft_is_leader",
    "1 on the leader",
    raft((manager) => (manager.replica.isReadyLeader() ? 1 : 0)),
  );
  metrics.gauge(
    "shoal_raft_term",
    "Raft term",
    raft((manager) => manager.replica.status().term),
  );
  metrics.gauge(
    "shoal_raft_commit_index",
    "Highest committed entry",
    raft((manager) => manager.replica.status().commit),
  );
  metrics.gauge(
    "shoal_raft_applied_index",
    "Highest applied entry",
    raft((manager) => manager.replica.status().applied),
  );
  metrics.gauge(
    "shoal_raft_flushes",
    "Synced writes of the log since the start",
    raft((manager) => manager.replica.metrics.flushes),
  );
  metrics.gauge(
    "shoal_raft_flush_seconds",
    "Time spent in synced writes of the log since the start",
    raft((manager) => manager.replica.metrics.flushMsTotal / 1000),
  );
  metrics.gauge(
    "shoal_store_services",
    "Services in the store",
    raft((manager) => manager.store.view().count("service")),
  );
  metrics.gauge(
    "shoal_store_tasks",
    "Tasks in the store",
    raft((manager) => manager.store.view().count("task")),
  );
  metrics.gauge(
    "shoal_store_nodes",
    "Nodes in the store",
    raft((manager) => manager.store.view().count("node")),
  );
  metrics.gauge(
    "shoal_disk_free_bytes",
    "Free space of the data directory's file system",
    raft((manager) => manager.diskFreeBytes),
  );
  metrics.gauge(
    "shoal_disk_low",
    "1 while changes are refused because disk space is low",
    raft((manager) => (manager.isDiskLow ? 1 : 0)),
  );
  metrics.gauge("shoal_agent_connected", "1 while the agent has a session", () =>
    (node()?.agent.status().sessionId ?? "") === "" ? 0 : 1,
  );
}
