import { expect } from "chai";
import { Client, connectLocal, UNREACHABLE_MS } from "../../../src/cli/connect.ts";
import { chooseTarget, hostsOf, parseHosts, type Target } from "../../../src/cli/target.ts";
import { rpc, type RpcKey } from "../../../src/proto/load.ts";
import type { Channel, Dialer } from "../../../src/proto/rpc.ts";
import { AppError } from "../../../src/util/errors.ts";
import { Sim } from "../../support/sim-env.ts";

const refused = (host: string): AppError =>
  new AppError("unavailable", `Cannot reach ${host}: refused`, { sent: "no" });

/** Managers by address: each answers or fails, and tells what it was asked. */
class FakeManagers implements Dialer {
  readonly asked: { readonly host: string; readonly deadlineMs: number; readonly request: Uint8Array }[] = [];
  readonly closed: string[] = [];
  readonly #answers: (host: string, attempt: number) => AppError | null;
  readonly #sim: Sim;
  readonly #tookMs: number;
  readonly #response: Uint8Array;

  constructor(
    sim: Sim,
    key: RpcKey,
    answers: (host: string, attempt: number) => AppError | null,
    { tookMs = 10, response = {} }: { readonly tookMs?: number; readonly response?: object } = {},
  ) {
    this.#sim = sim;
    this.#answers = answers;
    this.#tookMs = tookMs;
    this.#response = rpc(key).encodeResponse(response);
  }

  /** Closing it ends what is under way, as gRPC does. */
  dial(host: string): Channel {
    const underWay = new Set<(error: Error) => void>();
    return {
      unary: async (_path, request, { deadlineMs }) => {
        this.asked.push({ host, deadlineMs, request });
        const answer = this.#answers(host, this.asked.length);
        await new Promise<void>((resolve, reject) => {
          underWay.add(reject);
          this.#sim.schedule(Math.min(this.#tookMs, deadlineMs), resolve);
        });
        if (answer !== null) throw answer;
        return this.#response;
      },
      stream: () => {
        throw new Error("No streams here");
      },
      close: () => {
        this.closed.push(host);
        for (const cut of underWay) cut(new AppError("cancelled", "The channel was closed"));
      },
    };
  }

  get hosts(): string[] {
    return this.asked.map(({ host }) => host);
  }
}

type Outcome = { readonly error: AppError | null; readonly tookMs: number; readonly waits: string[] };

async function outcome(
  sim: Sim,
  managers: FakeManagers,
  {
    hosts,
    key,
    request,
  }: {
    readonly hosts: string[];
    readonly key: "Control.GetCluster" | "Control.RemoveService" | "Daemon.Leave";
    readonly request?: object;
  },
): Promise<Outcome> {
  const env = sim.env("cli");
  const waits: string[] = [];
  const client = new Client({ dialer: managers, env }, hosts, { timeoutMs: 30_000, onWait: (why) => waits.push(why) });
  const start = sim.now;
  const ended = client.call(key, request ?? {}).then(
    () => null,
    (error: unknown) => AppError.from(error),
  );
  const error = await sim.resolve(ended, { timeoutMs: 120_000, what: "the call" });
  return { error, tookMs: sim.now - start, waits };
}

describe("cli/connect", () => {
  describe("target", () => {
    const socket = (...hosts: string[]): Target => ({ kind: "socket", hosts });
    const context = (name: string, ...hosts: string[]): Target => ({ kind: "context", name, hosts });
    const rows: [string, Parameters<typeof chooseTarget>[0], Target][] = [
      ["nothing at all", { environment: {}, currentName: () => null }, { kind: "none", hosts: [] }],
      ["the current context", { environment: {}, currentName: () => "cur" }, context("cur")],
      [
        "SHOAL_HOST before the current context's own hosts",
        { environment: { SHOAL_HOST: "a" }, currentName: () => "cur" },
        context("cur", "a:7377"),
      ],
      [
        "a socket in SHOAL_HOST before the current context",
        { environment: { SHOAL_HOST: "unix:/s" }, currentName: () => "cur" },
        socket("unix:/s"),
      ],
      [
        "--host before SHOAL_HOST",
        { host: "b:1", environment: { SHOAL_HOST: "unix:/s" }, currentName: () => "cur" },
        context("cur", "b:1"),
      ],
      [
        "--context before SHOAL_HOST",
        { context: "x", environment: { SHOAL_HOST: "unix:/s" }, currentName: () => "cur" },
        context("x"),
      ],
      [
        "--host with the certificate of --context",
        { context: "x", host: "a,b:7477", environment: {}, currentName: () => "cur" },
        context("x", "a:7377", "b:7477"),
      ],
      [
        "hosts without any context",
        { host: "a", environment: {}, currentName: () => null },
        { kind: "none", hosts: ["a:7377"] },
      ],
    ];
    for (const [what, sources, target] of rows) {
      it(`takes ${what}`, () => expect(chooseTarget(sources)).to.deep.equal(target));
    }

    it("refuses a socket beside an address", () => {
      expect(() => chooseTarget({ host: "unix:/s,a:1", environment: {}, currentName: () => null })).to.throw(/mix/);
    });

    const hosts: [string, string[]][] = [
      ["", []],
      ["a, b:7477 ,", ["a:7377", "b:7477"]],
      ["/run/s.sock", ["unix:/run/s.sock"]],
      ["unix:///run/s.sock", ["unix:/run/s.sock"]],
      ["[::1]", ["[::1]:7377"]],
      ["[::1]:1", ["[::1]:1"]],
    ];
    for (const [text, wanted] of hosts) {
      it(`reads the hosts "${text}"`, () => expect(parseHosts(text)).to.deep.equal(wanted));
    }
    for (const text of ["a:b", "a:70000", "a:0", "::1", "http://a", "a b"]) {
      it(`refuses the host "${text}"`, () => expect(() => parseHosts(text)).to.throw(/--host/));
    }

    it("says at once that no daemon runs where its socket is missing", () => {
      expect(() => connectLocal({ host: "unix:/nowhere/s.sock", timeoutMs: 1 })).to.throw(/\/nowhere\/s\.sock/);
    });

    it("does not take a remote manager for this machine's daemon", () => {
      expect(() => connectLocal({ host: "a:1", timeoutMs: 1 })).to.throw(/one machine's own daemon/);
    });
  });

  describe("client", () => {
    it("moves to the next manager when one cannot be reached, without a pause", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.GetCluster", (host) => (host === "c:1" ? null : refused(host)));
      const end = await outcome(sim, managers, { hosts: ["a:1", "b:1", "c:1"], key: "Control.GetCluster" });
      expect(end.error).to.equal(null);
      expect(managers.hosts).to.deep.equal(["a:1", "b:1", "c:1"]);
      expect(end.tookMs).to.be.below(100);
    });

    it("moves calls that are made at once on together, and ends none of them for the failure of another", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.GetCluster", (host) => (host === "a:1" ? refused(host) : null));
      const client = new Client({ dialer: managers, env: sim.env("cli") }, ["a:1", "b:1", "c:1"], {
        timeoutMs: 30_000,
      });
      const both = Promise.all([client.call("Control.GetCluster", {}), client.call("Control.GetCluster", {})]);
      await sim.resolve(both, { timeoutMs: 60_000, what: "both calls" });
      expect(managers.hosts).to.deep.equal(["a:1", "a:1", "b:1", "b:1"]);
      expect(managers.closed).to.deep.equal(["a:1"]);
      client.close();
      expect(managers.closed).to.deep.equal(["a:1", "b:1"]);
    });

    it("gives up after a moment when no manager can be reached, and names each", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.RemoveService", refused);
      const end = await outcome(sim, managers, {
        hosts: ["a:1", "b:1"],
        key: "Control.RemoveService",
        request: { requestId: "r1", id: "web" },
      });
      expect(end.error?.code).to.equal("unavailable");
      expect(end.error?.message).to.include("a:1").and.include("b:1");
      expect(end.tookMs).to.be.within(UNREACHABLE_MS, UNREACHABLE_MS + 500);
    });

    it("does not wait for a socket nobody listens on", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.GetCluster", refused);
      const end = await outcome(sim, managers, { hosts: ["unix:/s"], key: "Control.GetCluster" });
      expect(end.error?.code).to.equal("unavailable");
      expect(managers.asked).to.have.length(1);
    });

    it("repeats a change elsewhere under its own request id", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.RemoveService", (host) =>
        host === "a:1" ? new AppError("unavailable", "broke", { sent: "maybe" }) : null,
      );
      const end = await outcome(sim, managers, {
        hosts: ["a:1", "b:1"],
        key: "Control.RemoveService",
        request: { requestId: "r1", id: "web" },
      });
      expect(end.error).to.equal(null);
      expect(managers.hosts).to.deep.equal(["a:1", "b:1"]);
      expect(managers.asked[0]?.request).to.deep.equal(managers.asked[1]?.request);
    });

    it("does not repeat a change without a request id, and says that it may have happened", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(
        sim,
        "Control.RemoveService",
        () => new AppError("unavailable", "broke", { sent: "maybe" }),
      );
      const end = await outcome(sim, managers, { hosts: ["a:1", "b:1"], key: "Control.RemoveService" });
      expect(managers.asked).to.have.length(1);
      expect(end.error?.code).to.equal("unknown-outcome");
    });

    it("never repeats what this machine's daemon may have begun", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Daemon.Leave", () => new AppError("deadline", "late"));
      const end = await outcome(sim, managers, { hosts: ["unix:/s"], key: "Daemon.Leave" });
      expect(managers.asked).to.have.length(1);
      expect(managers.asked[0]?.deadlineMs).to.equal(30_000);
      expect(end.error?.code).to.equal("unknown-outcome");
    });

    it("ends a change that may have happened as unknown at its deadline", async () => {
      const sim = new Sim(1);
      const late = new AppError("deadline", "late");
      const managers = new FakeManagers(sim, "Control.RemoveService", () => late, { tookMs: 60_000 });
      const end = await outcome(sim, managers, {
        hosts: ["a:1", "b:1"],
        key: "Control.RemoveService",
        request: { requestId: "r1", id: "web" },
      });
      expect(end.error?.code).to.equal("unknown-outcome");
      expect(end.tookMs).to.be.within(30_000, 31_000);
      expect(new Set(managers.hosts)).to.deep.equal(new Set(["a:1", "b:1"]));
    });

    it("keeps the reason of what was surely refused until the deadline, and tells a person what it waits for", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.RemoveService", () => new AppError("unavailable", "No quorum"));
      const end = await outcome(sim, managers, {
        hosts: ["a:1", "b:1"],
        key: "Control.RemoveService",
        request: { requestId: "r1", id: "web" },
      });
      expect(end.error?.code).to.equal("unavailable");
      expect(end.error?.message).to.match(/^No quorum \(tried for 30/);
      expect(end.waits).to.deep.equal(["No quorum"]);
    });

    it("tells what a manager said rather than that the last try ran out of time", async () => {
      const sim = new Sim(1);
      const late = new AppError("deadline", "late");
      const said = new AppError("unavailable", "No quorum");
      const managers = new FakeManagers(sim, "Control.GetCluster", (_, n) => (n === 1 ? said : late), {
        tookMs: 9_000,
      });
      const end = await outcome(sim, managers, { hosts: ["a:1"], key: "Control.GetCluster" });
      expect(end.error).to.include({ code: "unavailable" });
      expect(end.error?.message).to.match(/^No quorum \(tried for 30/);
    });

    it("tells what a manager said rather than that another is gone", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.GetCluster", (host) =>
        host === "a:1" ? new AppError("unavailable", "No quorum") : refused(host),
      );
      const end = await outcome(sim, managers, { hosts: ["a:1", "b:1"], key: "Control.GetCluster" });
      expect(end.error?.message).to.match(/^No quorum/);
    });

    it("ends a read at its deadline as a deadline that left nothing behind", async () => {
      const sim = new Sim(1);
      const late = new AppError("deadline", "late");
      const managers = new FakeManagers(sim, "Control.GetCluster", () => late, { tookMs: 60_000 });
      const end = await outcome(sim, managers, { hosts: ["a:1"], key: "Control.GetCluster" });
      expect(end.error?.code).to.equal("deadline");
      expect(end.error?.details["read"]).to.equal("true");
    });

    it("moves on from a node that is no manager at present, and believes it when all say so", async () => {
      const no = new AppError("unsupported", "not served by this node");
      for (const [managers, result] of [
        [["a", "b"], null],
        [["c"], "unsupported"],
      ] as const) {
        const sim = new Sim(1);
        const fake = new FakeManagers(sim, "Control.GetCluster", (host) => (host === "b" ? null : no));
        const { error } = await outcome(sim, fake, { hosts: [...managers], key: "Control.GetCluster" });
        expect(error?.code ?? null).to.equal(result);
        expect(fake.hosts).to.deep.equal(managers);
      }
    });

    it("asks for what one manager knows where stale reads are wanted, and never for a stale change", async () => {
      for (const [key, isRead] of [
        ["Control.GetCluster", true],
        ["Control.ListTasks", true],
        ["Control.RemoveService", false],
      ] as const) {
        const sim = new Sim(1);
        const managers = new FakeManagers(sim, key, () => null);
        const client = new Client({ dialer: managers, env: sim.env("cli") }, ["a:1"], {
          timeoutMs: 1000,
          isStale: true,
        });
        await sim.resolve(client.call(key, {}), { timeoutMs: 1000, what: "the call" });
        const [asked = { request: new Uint8Array() }] = managers.asked;
        const request = rpc(key).decodeRequest(asked.request);
        expect("consistency" in request ? request.consistency : undefined).to.equal(isRead ? "STALE" : undefined);
      }
    });

    it("takes a refusal as the answer", async () => {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.GetCluster", () => new AppError("denied", "no"));
      const end = await outcome(sim, managers, { hosts: ["a:1", "b:1"], key: "Control.GetCluster" });
      expect(end.error?.code).to.equal("denied");
      expect(managers.asked).to.have.length(1);
    });
  });

  describe("managers that joined later", () => {
    const nodes = ["10.0.0.1:7377", "", "nonsense, b", "10.0.0.2:7377"].map((address) => ({ node: { address } }));

    async function learned(
      answers: ConstructorParameters<typeof FakeManagers>[2],
      isCalled = true,
    ): Promise<unknown[]> {
      const sim = new Sim(1);
      const managers = new FakeManagers(sim, "Control.ListNodes", answers, { response: { nodes } });
      const told: unknown[] = [];
      const onManagers = (addresses: readonly string[]): void => void told.push(addresses);
      const deps = { dialer: managers, env: sim.env("cli") };
      const client = new Client(deps, ["a"], { timeoutMs: 30_000, onManagers });
      const work = async (): Promise<void> => {
        if (isCalled) await client.call("Control.ListNodes", {}).catch(() => undefined);
        await client.learnManagers();
      };
      await sim.resolve(work(), { timeoutMs: 60_000, what: "the end" });
      return told;
    }

    it("are asked for of the one that answered, and only addresses are kept", async () => {
      expect(await learned(() => null)).to.deep.equal([["10.0.0.1:7377", "10.0.0.2:7377"]]);
    });

    it("are nobody's to say where nobody answered, and a failure to say them is none of the command", async () => {
      expect(await learned(() => null, false)).to.deep.equal([]);
      expect(await learned(refused)).to.deep.equal([]);
      const later = (_host: string, attempt: number): AppError | null => (attempt === 1 ? null : refused("a"));
      expect(await learned(later)).to.deep.equal([]);
    });

    it("come after the hosts that the user wrote, each once", () => {
      const hosts = ["vip", "10.0.0.2:7377"];
      expect(hostsOf({ hosts })).to.deep.equal(["vip:7377", "10.0.0.2:7377"]);
      expect(hostsOf({ hosts, managers: ["10.0.0.1:7377", "10.0.0.2:7377"] })).to.deep.equal([
        "vip:7377",
        "10.0.0.2:7377",
        "10.0.0.1:7377",
      ]);
    });
  });
});
