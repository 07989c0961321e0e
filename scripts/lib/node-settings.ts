// What docker-compose.cluster.yml and the Dockerfile tell Node and its allocator, for nodes that run as processes.
export function nodeSettings(role: "manager" | "worker"): Readonly<Record<string, string>> {
  const semiSpaceMib = role === "manager" ? 8 : 1;
  return {
    UV_THREADPOOL_SIZE: "8",
    MALLOC_ARENA_MAX: "2",
    MALLOC_MMAP_THRESHOLD_: "131072",
    MALLOC_TRIM_THRESHOLD_: "4194304",
    NODE_OPTIONS: `--max-semi-space-size=${semiSpaceMib}`,
  };
}
