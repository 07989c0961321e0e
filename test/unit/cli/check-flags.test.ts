import { expect } from "chai";
import { withChecks, type CheckFlags } from "../../../src/cli/check-flags.ts";
import type { TaskChecks } from "../../../src/model/index.ts";
import { AppError } from "../../../src/util/errors.ts";

const cadence = { initialDelayMs: 0, intervalMs: 0, timeoutMs: 0, failures: 0, successes: 0 };
const http = { port: 8080, path: "/ready", headers: {} };
const before: TaskChecks = {
  startup: null,
  readiness: { ...cadence, intervalMs: 5_000, probe: "http", http },
  liveness: null,
};

describe("cli/check-flags", () => {
  it("leaves checks as they are without a flag of theirs", () => {
    expect(withChecks(null, {})).to.equal(null);
    expect(withChecks(before, {})).to.deep.equal(before);
  });

  it("makes each kind of check of each kind of probe", () => {
    expect(withChecks(null, { startupTcp: "5432", readyHttp: "8080/ready", liveCmd: "test -e /ok" })).to.deep.equal({
      startup: { ...cadence, probe: "tcp", tcp: { port: 5432 } },
      readiness: { ...cadence, probe: "http", http },
      liveness: { ...cadence, probe: "command", command: { command: ["/bin/sh", "-c", "test -e /ok"] } },
    });
  });

  for (const [text, port, path] of [
    ["80", 80, "/"],
    [":80/a", 80, "/a"],
    ["80/a?b=/c", 80, "/a?b=/c"],
  ] as const) {
    it(`reads ${text} as a port and a path`, () => {
      expect(withChecks(null, { readyHttp: text })?.readiness?.http).to.deep.equal({ port, path, headers: {} });
    });
  }

  it("reads times and counts in one flag", () => {
    const readyOpts = "delay=1s,interval=500ms,timeout=2s,failures=4,successes=2";
    expect(withChecks(null, { readyTcp: "80", readyOpts })?.readiness).to.include({
      initialDelayMs: 1_000,
      intervalMs: 500,
      timeoutMs: 2_000,
      failures: 4,
      successes: 2,
    });
  });

  it("changes one thing and keeps the others", () => {
    expect(withChecks(before, { readyOpts: "failures=9" })?.readiness).to.deep.equal({
      ...before.readiness,
      failures: 9,
    });
    expect(withChecks(before, { readyTcp: "81" })?.readiness, "another probe keeps the times").to.deep.equal({
      ...cadence,
      intervalMs: 5_000,
      probe: "tcp",
      tcp: { port: 81 },
    });
  });

  it("adds, changes and removes headers of an HTTP check, and keeps them at another address", () => {
    const headersOf = (from: TaskChecks | null, flags: CheckFlags) => withChecks(from, flags)?.readiness?.http?.headers;
    const readyHttpHeader = ["Host=shop.example", "Authorization: Basic YQ=="];
    const headed = withChecks(before, { readyHttpHeader });
    expect(headed?.readiness).to.include({ intervalMs: 5_000 });
    expect(headed?.readiness?.http?.headers).to.deep.equal({ Host: "shop.example", Authorization: "Basic YQ==" });
    expect(headersOf(headed, { readyHttpHeader: ["host=b", "AUTHORIZATION="] })).to.deep.equal({ host: "b" });
    expect(headersOf(headed, { readyHttp: "81/x" })).to.deep.equal(headed?.readiness?.http?.headers);
    expect(headersOf(headed, { readyTcp: "81" })).to.equal(undefined);
  });

  it("removes a check, and all of them with the last", () => {
    expect(withChecks(before, { readyCheck: false })).to.equal(null);
    expect(withChecks({ ...before, liveness: before.readiness }, { readyCheck: false })).to.deep.equal({
      ...before,
      readiness: null,
      liveness: before.readiness,
    });
  });

  const refused: readonly [string, CheckFlags, string][] = [
    ["two probes of one check", { readyTcp: "1", readyHttp: "1/" }, "a check has one of them"],
    ["times of no check", { liveOpts: "interval=1s" }, "there is no such check"],
    ["a check that is removed and set", { startupCheck: false, startupTcp: "1" }, "--no-startup-check"],
    ["a header of no check", { liveHttpHeader: ["A=b"] }, "--live-http-header: the check asks by no HTTP"],
    ["a header of a connection", { readyTcp: "1", readyHttpHeader: ["A=b"] }, "asks by no HTTP"],
    ["a header without a name", { readyHttp: "1", readyHttpHeader: ["=b"] }, "is not NAME=VALUE"],
    ["a header of what is removed", { readyCheck: false, readyHttpHeader: ["A=b"] }, "--no-ready-check"],
    ["a path without a port", { readyHttp: "/ready" }, "is not PORT[/PATH]"],
    ["a whole address", { readyHttp: "http://a/ready" }, "is not PORT[/PATH]"],
    ["a port that is none", { liveTcp: "http" }, "not a whole number"],
    ["an unknown key", { readyTcp: "1", readyOpts: "retries=3" }, 'unknown key "retries"'],
    ["a time without a unit", { readyTcp: "1", readyOpts: "interval=x" }, "--ready-opts: interval"],
  ];
  for (const [what, flags, says] of refused) {
    it(`refuses ${what}`, () => expect(() => withChecks(null, flags)).to.throw(AppError, says));
  }
});
