/**
 * Does the proof bite? Each mutant breaks one rule of the Raft core by one line, in a copy of the
 * sources; the unit tests or the random simulation must notice. Run by hand, not by mocha:
 *
 *   npx tsx test/support/raft-mutants.ts [part of a mutant's name]
 *
 * Ends with 1 if a mutant survives both, or no longer applies.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

type Mutant = { readonly name: string; readonly file: string; readonly from: string; readonly to: string };

const MUTANTS: readonly Mutant[] = [
  {
    name: "commits entries of older terms by counting (Figure 8)",
    file: "replication.ts",
    from: "if (reached <= commit || log.termAt(reached) !== term) return;",
    to: "if (reached <= commit) return;",
  },
  {
    name: "acks before the term is durable",
    file: "follower.ts",
    from: "if (durability.isTermStable(term) && matched <= durability.stableIndex) this.#sendAck();",
    to: "if (this.#verified >= 0) this.#sendAck();",
  },
  {
    name: "acks before the entries are durable",
    file: "follower.ts",
    from: "const index = Math.min(this.#verified, durability.stableIndex);",
    to: "const index = this.#verified;",
  },
  {
    name: "commits what the leader committed, verified or not",
    file: "follower.ts",
    from: "state.commitTo(Math.min(message.commit, matched));",
    to: "state.commitTo(Math.min(message.commit, state.log.lastIndex));",
  },
  {
    name: "sends votes before they are durable",
    file: "state.ts",
    from: "if (this.durability.isVoteStable(this.term, this.vote) && message.to !== this.id) this.#messages.push(message);",
    to: "if (message.to !== this.id) this.#messages.push(message);",
  },
  { name: "forgets its vote", file: "election.ts", from: "    state.vote = message.from;\n", to: "" },
  {
    name: "votes for any log",
    file: "election.ts",
    from: "(isFree || state.vote === message.from) && state.log.isUpToDate(message.lastIndex, message.lastTerm)",
    to: "isFree || state.vote === message.from",
  },
  {
    name: "credits writes of truncated entries (ABA)",
    file: "durability.ts",
    from: "for (const pending of this.#pending) pending.lastIndex = Math.min(pending.lastIndex, index - 1);",
    to: "",
  },
  {
    name: "keeps truncated entries as durable",
    file: "durability.ts",
    from: "    this.#stableIndex = Math.min(this.#stableIndex, index - 1);\n",
    to: "",
  },
  {
    name: "a leader counts itself before its own write",
    file: "replication.ts",
    from: "this.#quorumOf(durability.stableIndex, matchOf)",
    to: "this.#quorumOf(log.lastIndex, matchOf)",
  },
  {
    name: "counts learners",
    file: "replication.ts",
    from: "for (const peer of this.#peers) if (peer.voter) values.push(of(peer));",
    to: "for (const peer of this.#peers) values.push(of(peer));",
  },
  {
    name: "a leader that is leaving counts itself",
    file: "replication.ts",
    from: "this.#countsItself = this.#state.isVoter;",
    to: "this.#countsItself = true;",
  },
  {
    name: "reads before a commit of its own term",
    file: "read-only.ts",
    from: "this.#waiting.length === 0 || !this.#state.hasCommittedInTerm",
    to: "this.#waiting.length === 0",
  },
  {
    name: "answers reads without a majority",
    file: "replication.ts",
    from: "return this.#quorumOf(this.#reads.seq, readSeqOf);",
    to: "return this.#reads.seq;",
  },
  {
    name: "answers reads by an echo that is too old",
    file: "read-only.ts",
    from: "if (round === undefined || round.seq > seq) return;",
    to: "if (round === undefined || round.seq > seq + 1) return;",
  },
  {
    name: "changes members before a commit of its own term",
    file: "membership.ts",
    from: 'if (!state.hasCommittedInTerm) return "not-ready";',
    to: "",
  },
  {
    name: "changes members while another change is uncommitted",
    file: "membership.ts",
    from: 'if (state.configs.latest.index > state.commit) return "pending";',
    to: "",
  },
  {
    name: "changes two voters at once",
    file: "config.ts",
    from: 'if (added + removed > 1) return "not-single-step";',
    to: "",
  },
  {
    name: "heartbeats carry the whole commit index",
    file: "replication.ts",
    from: "const shared = Math.min(peer.match, commit);",
    to: "const shared = commit;",
  },
  {
    name: "keeps the membership of truncated entries",
    file: "state.ts",
    from: "    this.configs.truncateFrom(index);\n",
    to: "",
  },
  {
    name: "takes half for a majority",
    file: "quorum.ts",
    from: "return Math.floor(voters / 2) + 1;",
    to: "return Math.max(1, Math.floor(voters / 2));",
  },
  {
    name: "sends what was promised in an earlier term",
    file: "core.ts",
    from: 'if (message.term !== state.term || (message.type === "vote" && state.role !== "candidate")) continue;',
    to: "",
  },
  {
    name: "takes what one leader verified for another's",
    file: "follower.ts",
    from: "    this.#verified = 0;\n",
    to: "",
  },
  {
    name: "takes what a leader verified in one term for another term",
    file: "election.ts",
    from: "if (state.leader !== before || term > termBefore) this.#hooks.leaderChanged();",
    to: "if (state.leader !== before) this.#hooks.leaderChanged();",
  },
  {
    name: "ignores the membership of a snapshot",
    file: "state.ts",
    from: "    this.configs.reset(meta.index, meta.config);\n",
    to: "",
  },
  {
    name: "helps against a leader it hears",
    file: "election.ts",
    from: "return state.leader !== null && state.leader !== from && this.#elapsed < state.options.electionTicks;",
    to: "return false;",
  },
  {
    name: "leads on without a majority",
    file: "replication.ts",
    from: "if (!this.#hasActiveQuorum()) this.#hooks.lostQuorum();",
    to: "",
  },
  { name: "has no no-op", file: "replication.ts", from: '    this.#append("noop", EMPTY_PAYLOAD);\n', to: "" },
  {
    name: "a lost ack wedges a peer",
    file: "replication.ts",
    from: 'else if (peer.state === "probe" || peer.match < log.lastIndex) {',
    to: "else if (peer.id === this.#state.id) {",
  },
  {
    name: "appends while a snapshot replaces the log",
    file: "snapshot.ts",
    from: "    this.#state.isInstalling = true;\n",
    to: "",
  },
  {
    name: "truncates at a late append",
    file: "follower.ts",
    from: "if (term === entry.term || entry.index <= state.log.prevIndex) continue;",
    to: "if (entry.index <= state.commit) continue;",
  },
  {
    name: "a silent member's progress goes back by an old ack",
    file: "progress.ts",
    from: "    if (grew) this.match = index;\n",
    to: "    this.match = index;\n",
  },
  {
    name: "compacts what a pull needs",
    file: "core.ts",
    from: "event.compactTo, this.#replication.pinnedIndex)",
    to: "event.compactTo, Infinity)",
  },
];

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const wanted = process.argv[2] ?? "";

function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), "raft-mutants-"));
  for (const path of [
    "src/raft",
    "src/util",
    "test/unit/raft",
    "test/support",
    ".mocharc.json",
    "package.json",
    "tsconfig.json",
    "scripts/mocha-reporter.mjs",
  ]) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** @returns the first line that says why, or null if everything passed. */
function failure(copy: string, files: readonly string[]): string | null {
  // A mutant that loops is noticed as well.
  // A golden trace that differs proves nothing by itself.
  const env = { ...process.env, TRACES: "ignore" };
  const run = spawnSync("npx", ["mocha", ...files], { cwd: copy, encoding: "utf8", timeout: 240_000, env });
  if (run.status === 0) return null;
  const lines = run.stdout.split("\n").map((line) => line.trim());
  return lines.find((line) => line.includes("SEED=")) ?? lines.find((line) => line.startsWith("1)")) ?? "it hung";
}

const copy = copyProject();
const tests = readdirSync(join(copy, "test/unit/raft"))
  // What scenarios.test.ts looks at is not in the copy, and no mutant can change it.
  .filter((file) => file.endsWith(".test.ts") && file !== "scenarios.test.ts")
  .map((file) => `test/unit/raft/${file}`);
const random = tests.filter((file) => file.endsWith("random.test.ts"));
const units = tests.filter((file) => !random.includes(file));
let survivors = 0;
try {
  for (const { name, file, from, to } of MUTANTS.filter((mutant) => mutant.name.includes(wanted))) {
    const path = join(copy, "src/raft", file);
    const source = readFileSync(path, "utf8");
    if (!source.includes(from)) {
      console.log(`GONE      ${name}: ${file} does not contain its line any more`);
      survivors++;
      continue;
    }
    writeFileSync(path, source.replace(from, to));
    const bySimulation = failure(copy, random);
    const byUnits = failure(copy, units);
    writeFileSync(path, source);
    const isCaught = bySimulation !== null || byUnits !== null;
    if (!isCaught) survivors++;
    const verdict = isCaught ? "caught" : "SURVIVES";
    console.log(
      `${verdict.padEnd(9)} ${name}\n          simulation: ${bySimulation ?? "-"}\n          unit tests: ${byUnits ?? "-"}`,
    );
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(survivors === 0 ? "Every mutant was caught" : `${survivors} not caught`);
process.exitCode = survivors === 0 ? 0 : 1;
