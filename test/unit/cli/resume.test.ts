import { expect } from "chai";
import { Output } from "../../../src/cli/output.ts";
import { planText, warnIfWaiting } from "../../../src/cli/resume.ts";
import type { PlanResumeResponse } from "../../../src/proto/gen/PlanResumeResponse.ts";
import type { ResumeItem } from "../../../src/proto/gen/ResumeItem.ts";

const RECOVERY = { kind: "RESTORED", atMs: 60_000, version: 12, formerManagerIds: ["aaaaaaaaaaaaaaaa"] } as const;

function plan(part: Partial<PlanResumeResponse> = {}): PlanResumeResponse {
  return {
    awaitsResume: { ...RECOVERY, formerManagerIds: [...RECOVERY.formerManagerIds] },
    incarnation: "1.x",
    items: [],
    omitted: 0,
    unknown: [],
    ...part,
  };
}

const item = (action: ResumeItem["action"], name: string): ResumeItem => ({
  action,
  name,
  taskId: action === "START" ? "" : "t1",
  serviceId: "s",
  nodeId: action === "START" ? "" : "n1",
  nodeName: action === "START" ? "" : "worker1",
  reason: "because",
});

describe("cli/resume", () => {
  it("says what the cluster began from, and that nothing would change where nothing would", () => {
    const text = planText(plan(), 180_000).join("\n");
    expect(text).to.include("restored from a backup 2 minutes ago, from its state at version 12, and waits.");
    expect(text).to.include("changes nothing");
    expect(text).to.include("Managers before, workers now if they come back: aaaaaaaaaaaa (shoal node promote)");
  });

  it("groups tasks by what happens to them, what is stopped first", () => {
    const items = [item("STOP", "web.1"), item("STOP", "web.2"), item("REPLACE", "db.1"), item("START", "web.3")];
    const lines = planText(plan({ items, omitted: 3 }), 0);
    const heads = lines.filter((line) => /^ {2}\S/.test(line));
    expect(heads).to.deep.equal([
      "  stops and removes 2 tasks running now",
      "  replaces 1 task that nobody can look at, unless their nodes come back",
      "  starts 1 task not running now",
      "  and 3 more that are not listed",
    ]);
    expect(lines).to.include("    web.1   t1     worker1   because");
  });

  it("names nodes that could not be asked apart from those that the state does not know", () => {
    const unknown = [
      { id: "n1", name: "worker1", address: "", isStranger: false, reason: "its node is down" },
      { id: "n9", name: "worker9", address: "", isStranger: true, reason: "2 tasks" },
    ];
    const text = planText(plan({ unknown }), 0).join("\n");
    expect(text).to.match(/could not be asked.*\n {2}worker1 \(n1\): its node is down\n\nThese nodes are unknown/);
    expect(text).to.include("shoal leave --force, then shoal join\n  worker9 (n9): 2 tasks");
  });

  it("warns on standard error of people, not of programs", () => {
    const said: string[] = [];
    const err = { write: (text: string | Uint8Array) => said.push(String(text)) };
    const recovery = plan().awaitsResume;
    warnIfWaiting(new Output({ format: "table", err, environment: {} }), recovery);
    expect(said).to.have.length(1);
    expect(said[0]).to.include("waits").and.include("shoal cluster resume");
    warnIfWaiting(new Output({ format: "json", err }), recovery);
    warnIfWaiting(new Output({ format: "table", isQuiet: true, err }), recovery);
    warnIfWaiting(new Output({ format: "table", err }), null);
    expect(said).to.have.length(1);
  });
});
