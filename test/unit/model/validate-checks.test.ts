import { expect } from "chai";
import { normaliseServiceSpec } from "../../../src/model/defaults.ts";
import { validateServiceSpec } from "../../../src/model/validate.ts";
import type { CheckInput } from "../../../src/proto/gen/Check.ts";
import type { ServiceSpecInput } from "../../../src/proto/gen/ServiceSpec.ts";
import type { TaskChecksInput } from "../../../src/proto/gen/TaskChecks.ts";
import { codec } from "../../../src/proto/load.ts";
import { AppError } from "../../../src/util/errors.ts";

const http = { port: 80, path: "/" };

function decoded(checks: TaskChecksInput, part: ServiceSpecInput = {}): ReturnType<typeof validateServiceSpec> {
  const type = codec("ServiceSpec");
  const spec = { name: "web", task: { container: { image: "a" }, checks }, ...part };
  return validateServiceSpec(type.decode(type.encode(spec)));
}

describe("model/validate-checks", () => {
  const refused: readonly (readonly [string, CheckInput, string, string])[] = [
    ["nothing to ask", {}, "", "give one of command, http and tcp"],
    ["a command without a program", { command: {} }, ".command.command", "a program is needed"],
    ["port 0", { tcp: { port: 0 } }, ".tcp.port", "from 1 to 65535"],
    ["a port beyond the last", { http: { port: 65_536 } }, ".http.port", "from 1 to 65535"],
    ["a path without its slash", { http: { port: 80, path: "ready" } }, ".http.path", "start it with /"],
    ["a path with a line break", { http: { port: 80, path: "/a\r\nb" } }, ".http.path", "the path of a URL"],
    ["a header's name with a colon", { http: { ...http, headers: { "a:": "" } } }, ".http.headers.a:", "of a header"],
    ["a header's value of two lines", { http: { ...http, headers: { a: "b\nc: d" } } }, ".http.headers.a", "one line"],
    ["probes all the time", { http, intervalMs: 99 }, ".intervalMs", "at least 100 ms"],
    ["a negative interval", { http, intervalMs: -1 }, ".intervalMs", "negative"],
    ["a negative delay", { http, initialDelayMs: -1 }, ".initialDelayMs", "negative"],
    ["a timeout of more than 5 min", { http, timeoutMs: 300_001 }, ".timeoutMs", "from 0 to 300000"],
    ["too many failures", { http, failures: 1_001 }, ".failures", "from 0 to 1000"],
    ["negative successes", { http, successes: -1 }, ".successes", "from 0 to 1000"],
  ];
  for (const [what, check, path, says] of refused) {
    it(`refuses ${what}, and names the field`, () => {
      try {
        decoded({ readiness: check });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        expect(error.code).to.equal("invalid");
        expect(error.details.path).to.equal(`spec.task.checks.readiness${path}`);
        expect(`${error.message} ${error.details.next ?? ""}`).to.include(says);
        return;
      }
      expect.fail("it was accepted");
    });
  }

  it("accepts each kind of probe, with a query and headers", () => {
    const probes: CheckInput[] = [
      { command: { command: ["/bin/check", "-x"] } },
      { http: { port: 8080, path: "/ready?deep=1", headers: { Host: "a.example", Authorization: "Bearer x" } } },
      { tcp: { port: 5432 } },
    ];
    for (const probe of probes)
      expect(decoded({ startup: probe, readiness: probe, liveness: probe })).to.be.an("object");
  });

  it("lets only a readiness check ask for several successes", () => {
    expect(decoded({ readiness: { http, successes: 3 } })).to.be.an("object");
    expect(() => decoded({ liveness: { http, successes: 2 } })).to.throw(AppError, "checks.liveness.successes");
    expect(() => decoded({ startup: { http, successes: 2 } })).to.throw(AppError, "checks.startup.successes");
  });

  it("refuses a readiness check of a job, and lets it have the others", () => {
    const job = { replicatedJob: { totalCompletions: 1 } };
    expect(() => decoded({ readiness: { http } }, job)).to.throw(AppError, "takes no traffic");
    expect(decoded({ startup: { http }, liveness: { http } }, job)).to.be.an("object");
  });

  it("fills in times and counts, a startup check's for a task that takes its time", () => {
    const checks = { startup: { tcp: { port: 1 } }, readiness: { http: { port: 1, path: "" } } };
    const { task } = normaliseServiceSpec(decoded(checks));
    expect(task?.checks?.startup).to.include({ intervalMs: 1_000, timeoutMs: 5_000, failures: 60, successes: 1 });
    expect(task?.checks?.readiness).to.include({ intervalMs: 10_000, timeoutMs: 5_000, failures: 3, successes: 1 });
    expect(task?.checks?.readiness?.http?.path).to.equal("/");
    expect(task?.checks?.liveness).to.equal(null);
  });

  it("takes checks without any for none", () => {
    expect(normaliseServiceSpec(decoded({})).task?.checks).to.equal(null);
  });
});
