/**
 * What a Raft core has to get right: the scenarios of elections (E), replication (R), membership
 * (M), snapshots (C) and reads and clients (Q), as past bugs of well-known implementations teach
 * them. Each has a script that says in its first line that it covers it. The numbers have gaps:
 * they are those of the catalogue that the list was drawn from.
 */
export const SCENARIOS: Readonly<Record<string, string>> = {
  E1: "Of members with empty logs exactly one leads a term, and its no-op commits",
  E2: "No vote for an older or shorter log, however high the term",
  E3: "A vote outlives a crash: refused to others, granted again to the same",
  E4: "No vote leaves before it is durable",
  E5: "An even split of four voters is resolved in later rounds",
  E6: "A member that was alone for long neither raises the term nor deposes the leader",
  E7: "A member that hears nothing, but is heard, does not disturb",
  E8: "A leader that hears nobody steps down, and another is elected",
  E10: "Who is refused in an old term learns the present one, and is not stuck",
  E11: "A pre-vote granted late means nothing",
  E13: "A lone voter leads at once, commits after its own sync, and replays its log",
  E14: "A learner does not campaign, and votes when it is asked",
  E15: "One peer is one vote, however often it answers",
  E17: "Two leaders in one term stop whoever sees them",
  R1: "Entries of older terms are committed only behind one of the leader's own (Figure 8)",
  R2: "A follower commits only what was verified",
  R3: "A late append truncates nothing that agrees",
  R4: "What a peer has is never unlearned",
  R6: "Probing takes about one round trip a divergent term",
  R8: "Nothing is acknowledged before it is durable",
  R9: "Followers commit while the leader's disk is slow",
  R10: "Uncommitted bytes are bounded",
  R11: "An entry beyond the window still goes, alone",
  R12: "Doubled and late messages change nothing",
  R14: "After a restart everything behind the snapshot is applied once",
  M1: "No membership change before an own-term commit",
  M2: "One membership change at a time, also one found in the log",
  M4: "A leader that leaves manages it to the end, and hands over",
  M5: "A removed member disturbs nobody and is told",
  M7: "A learner is promoted when it has caught up and is heard",
  M8: "A wiped disk under the old id is not accepted, under a new one it is",
  M9: "No change that would lose the quorum, unless forced",
  M11: "Every member can be replaced",
  M12: "What is meant for another cluster or member is dropped",
  M13: "A change of address needs nobody's old address",
  M14: "A repeated join is harmless",
  C1: "Snapshot, then log, for whoever is behind the log",
  C2: "The log is kept for a pull under way: no endless reinstalling",
  C4: "A stale or matching snapshot takes nothing away",
  C5: "A broken body replaces nothing",
  C6: "A change of leader in the middle of a pull is harmless",
  C7: "A snapshot carries the membership of its index",
  C9: "Snapshots do not stop the heartbeats",
  C10: "A snapshot larger than a message arrives",
  C11: "A receiver that fails in the middle of a stream leaves no misframed one",
  Q1: "A read waits for an own-term commit",
  Q3: "A deposed leader never answers a stale read",
  Q4: "A follower's read asks the leader, and ends",
  Q5: "One request id is applied once",
  Q7: "A transfer refuses proposals, not reads, and ends when its target is dead",
  Q8: "Watches resume without gap across leaders",
  Q9: "A failing apply is no divergence",
  Q10: "A question is forwarded once",
};

/** `path` below test/, and the title of a test in it. */
export type Elsewhere = { readonly why: string; readonly path: string; readonly title: string };

/**
 * What a core without I/O, wire and state machine cannot show, or only half of it, and the test that
 * does.
 */
export const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  M8: {
    why: "a copy of the disk from before is known by what others heard of it",
    path: "unit/manager/replica/rolled-back.test.ts",
    title: "is recognised on first contact, and neither votes nor acknowledges",
  },
  M12: {
    why: "clusters are told apart when a stream is opened",
    path: "unit/manager/replica/transport.test.ts",
    title: "refuses a hello of ${what}",
  },
  M13: {
    why: "addresses are resolved and dialled by the transport",
    path: "integration/membership.test.ts",
    title: "follows a manager to a new address without losing the quorum",
  },
  C5: {
    why: "bodies and their hashes never come to the core",
    path: "unit/manager/replica/snapshot-store.test.ts",
    title: "refuses a body that is not the announced one",
  },
  C9: {
    why: "it is about the event loop",
    path: "unit/manager/replica/slices.test.ts",
    title: "lets others have their turn between slices, and ends with the work",
  },
  C10: {
    why: "it is about the size of messages on the wire",
    path: "integration/replica.test.ts",
    title: "sends a joining manager a snapshot of many chunks and lets it vote",
  },
  C11: {
    why: "it is about the stream that carries a body",
    path: "unit/manager/replica/snapshot-store.test.ts",
    title: "resumes where it broke off and fetches little twice",
  },
  Q5: {
    why: "requests are remembered by the state machine",
    path: "unit/manager/control/services.test.ts",
    title: "answers a repetition after the first manager's memory is gone only once the first is committed",
  },
  Q8: {
    why: "watches read what was applied; their versions are log indexes",
    path: "unit/manager/control/watch.test.ts",
    title: "resumes after a version without a gap",
  },
  Q9: {
    why: "applying is the driver's",
    path: "unit/manager/replica/applier.test.ts",
    title: "stops at an entry that it cannot apply, says which, and skips nothing",
  },
};
