/** Who counts, from when on, and who is told. */
import type { Mutant } from "./mutant.ts";

export const MEMBERS: readonly Mutant[] = [
  {
    name: "changes members while another change is uncommitted",
    like: "B8 jraft #1, NuRaft #67",
    file: "raft/membership.ts",
    from: 'if (state.configs.latest.index > state.commit) return "pending";',
    to: "",
    seed: 8,
  },
  {
    name: "changes several voters at once",
    like: "B7 braft #182",
    file: "raft/config.ts",
    from: 'if (added + removed > 1) return "not-single-step";',
    to: "",
    seed: 20,
  },
  {
    name: "counts by the old membership until the new one is committed",
    like: "B9 etcd #12359",
    file: "raft/replication.ts",
    from: "    this.#configChanged(this.#state.log.lastIndex);\n",
    to: "",
    seed: 1,
  },
  {
    name: "ignores the membership of a snapshot",
    like: "B10 openraft #1808",
    file: "raft/state.ts",
    from: "    this.configs.reset(meta.index, meta.config);\n",
    to: "",
    seed: 8,
  },
  {
    name: "puts the latest membership into an older snapshot",
    like: "B10 matrixone #23281",
    file: "manager/replica/current-snapshot.ts",
    from: "return { body: stateMachine.snapshot(), position: applier.position };",
    to: "return { body: stateMachine.snapshot(), position: { ...applier.position, config: this.#driver.core.status().config } };",
    seed: 8,
  },
  {
    name: "counts learners",
    like: "B11 learner counted",
    file: "raft/replication.ts",
    from: "for (const peer of this.#peers) if (peer.voter) values.push(of(peer));",
    to: "for (const peer of this.#peers) values.push(of(peer));",
    seed: 24,
  },
  {
    name: "counts a leader that is leaving",
    like: "B11 thesis 4.2.2",
    file: "raft/replication.ts",
    from: "this.#countsItself = this.#state.isVoter;",
    to: "this.#countsItself = true;",
    seed: 12,
  },
  {
    name: "lets removed members ask for votes for ever",
    like: "B22 etcd #10998",
    file: "raft/core.ts",
    from: "if (wasRemoved(state, message)) {",
    to: "if (message.term < 0) {",
    seed: 19,
  },
];
