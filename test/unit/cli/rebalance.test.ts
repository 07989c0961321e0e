import { expect } from "chai";
import type { Session } from "../../../src/cli/command.ts";
import { EXIT } from "../../../src/cli/exit.ts";
import { Output } from "../../../src/cli/output.ts";
import { rebalance } from "../../../src/cli/rebalance.ts";
import type { PlanRebalanceResponse } from "../../../src/proto/gen/PlanRebalanceResponse.ts";

describe("cli/rebalance", () => {
  const move = {
    taskId: "t1",
    taskName: "web.2",
    fromNodeId: "1",
    fromNodeName: "old",
    toNodeId: "2",
    toNodeName: "new",
  };

  /** A service called web with this plan. */
  async function run(
    answer: PlanRebalanceResponse,
    flags: object = {},
  ): Promise<{ said: string; noted: string; calls: string[]; code: unknown }> {
    const calls: string[] = [];
    const told = { out: "", err: "" };
    const call = async (key: string): Promise<object> => {
      calls.push(key);
      return await Promise.resolve(key === "Control.PlanRebalance" ? answer : { service: { spec: { name: "web" } } });
    };
    const screen = (to: "out" | "err"): { write(text: string | Uint8Array): void } => ({
      write: (text) => void (told[to] += String(text)),
    });
    const out = new Output({ format: "table", out: screen("out"), err: screen("err"), environment: {} });
    const before = process.exitCode;
    try {
      await rebalance({ client: { call, requestId: () => "r" }, out } as unknown as Session, flags, ["web"]);
      return { said: told.out, noted: told.err, calls, code: process.exitCode };
    } finally {
      process.exitCode = before;
    }
  }

  it("says what moves and asks for it", async () => {
    const { said, noted, calls } = await run({ moves: [move], waitsFor: "", partial: false });
    expect(said).to.match(/^TASK +FROM +TO\nweb\.2 +old +new\n$/);
    expect(noted).to.match(/one after the other.*\nNext: shoal service ps web/);
    expect(calls).to.deep.equal(["Control.PlanRebalance", "Control.RebalanceService"]);
  });

  it("with --plan only says it, with 2", async () => {
    const { said, calls, code } = await run({ moves: [move], waitsFor: "", partial: false }, { plan: true });
    expect([calls, code]).to.deep.equal([["Control.PlanRebalance"], EXIT.changes]);
    expect(said).to.include("web.2");
  });

  it("says where more may follow", async () => {
    expect((await run({ moves: [move], waitsFor: "", partial: true })).noted).to.match(/^More may follow/);
    expect((await run({ moves: [move], waitsFor: "", partial: false })).noted).to.not.include("More");
  });

  it("asks for nothing where nothing moves, and says what holds it up where it may later", async () => {
    const even = await run({ moves: [], waitsFor: "", partial: false });
    expect([even.calls, even.code]).to.deep.equal([["Control.PlanRebalance"], process.exitCode]);
    expect(even.said).to.include("none moves");
    const waits = await run({ moves: [], waitsFor: "its rollout is not over", partial: false });
    expect(waits.noted).to.include("Nothing moves yet: its rollout is not over");
    expect(waits.calls).to.include("Control.RebalanceService");
    expect((await run({ moves: [], waitsFor: "x", partial: false }, { plan: true })).code).to.equal(process.exitCode);
  });
});
