/** Reads, snapshots, and what is applied. */
import type { Mutant } from "./mutant.ts";

export const STATES: readonly Mutant[] = [
  {
    name: "reads before a commit of its own term",
    like: "B3 etcd #7331, #12762",
    file: "raft/read-only.ts",
    from: "this.#waiting.length === 0 || !this.#state.hasCommittedInTerm",
    to: "this.#waiting.length === 0",
    seed: 2,
  },
  {
    name: "reads before it has applied what was committed",
    like: "Jepsen Redis-Raft: stale reads",
    file: "manager/replica/read-barriers.ts",
    from: "if (group.index > applied) later.push(group);",
    to: "if (group.index > Infinity) later.push(group);",
    seed: 1,
  },
  {
    name: "cuts the log for a snapshot that is not on disk",
    like: "B18 openraft #1828",
    file: "manager/replica/current-snapshot.ts",
    from: "    flusher.addWrite(\n      (storage, written) => storage.saveSnapshot(manifest, written),\n      () => {",
    to: "    flusher.addWrite(\n      (_storage, written) => written(),\n      () => {",
    seed: 1,
  },
  {
    name: "makes a repeated change again",
    like: "Q5, Jepsen Redis-Raft: lost updates",
    file: "store/once.ts",
    from: "if (record !== undefined) return codec.decode(record.result);",
    to: "",
    seed: 3,
  },
  {
    name: "takes the time of its own clock when it applies",
    like: "B24 etcd #11651",
    file: "store/store.ts",
    from: "({ changes } = transition(tables, { index: entry.index, timeMs, actions }));",
    to: "({ changes } = transition(tables, { index: entry.index, timeMs: Math.max(timeMs, this.#clock()), actions }));",
    seed: 1,
  },
  {
    name: "answers for a change that it only proposed",
    like: "B19 hashicorp, Jepsen: acknowledged writes lost",
    file: "store/store.ts",
    from: "this.#pending.push({ index: slot.index, term, timeMs, steps, origin, resolve: done, reject, followers: [] });",
    to: "this.#pending.push({ index: slot.index, term, timeMs, steps, origin, resolve: () => undefined, reject, followers: [] }); done();",
    seed: 1,
  },
];
