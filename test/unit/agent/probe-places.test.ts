import { expect } from "chai";
import { PROBES_BEYOND, PROBES_MAX, ProbePlaces, SERVICE_SHARE } from "../../../src/agent/probe-places.ts";
import { isAppError } from "../../../src/util/errors.ts";
import { settle } from "../../support/sim-env.ts";

/** Probes that last until they are ended, by service. */
class Probes {
  readonly places = new ProbePlaces();
  readonly underWay: string[] = [];
  readonly #ends: (() => void)[] = [];

  async begin(serviceId: string, count = 1): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const work = async (): Promise<void> =>
        await new Promise((resolve) => {
          this.underWay.push(serviceId);
          this.#ends.push(resolve);
        });
      void this.places.run(serviceId, new AbortController().signal, work);
    }
    await settle();
  }

  /** The oldest one of a service. */
  async end(serviceId: string): Promise<void> {
    const at = this.underWay.indexOf(serviceId);
    this.underWay.splice(at, 1);
    this.#ends.splice(at, 1)[0]?.();
    await settle();
  }

  of(serviceId: string): number {
    return this.underWay.filter((other) => other === serviceId).length;
  }
}

describe("agent/probe-places", () => {
  it("gives one service all that are anybody's, and no more", async () => {
    const probes = new Probes();
    await probes.begin("a", PROBES_MAX + 5);
    expect(probes.of("a")).to.equal(PROBES_MAX);
    await probes.end("a");
    expect(probes.of("a")).to.equal(PROBES_MAX);
  });

  it("lets every other service have its share at once while one holds them all, up to a bound", async () => {
    const probes = new Probes();
    await probes.begin("a", PROBES_MAX + 5);
    const services = Array.from({ length: PROBES_BEYOND / SERVICE_SHARE }, (_, at) => `s${at}`);
    for (const service of services) await probes.begin(service, SERVICE_SHARE + 1);
    expect(services.map((service) => probes.of(service))).to.deep.equal(services.map(() => SERVICE_SHARE));
    await probes.begin("late");
    expect(probes.of("late"), "the bound").to.equal(0);
    await probes.end("a");
    expect(probes.of("late"), "the first to enter").to.equal(1);
    expect(probes.of("a")).to.equal(PROBES_MAX - 1);
  });

  it("divides places evenly among services that want more than there are", async () => {
    const probes = new Probes();
    await probes.begin("a", 4 * PROBES_MAX);
    await probes.begin("b", 4 * PROBES_MAX);
    for (let turn = 0; turn < PROBES_MAX; turn += 1) await probes.end("a");
    expect(probes.of("a")).to.be.within(PROBES_MAX / 2 - 1, PROBES_MAX / 2 + 1);
    expect(probes.of("b")).to.be.within(PROBES_MAX / 2 - 1, PROBES_MAX / 2 + 1);
  });

  it("forgets who stops waiting, and hands on the place of a probe that fails", async () => {
    const probes = new Probes();
    const none = new AbortController().signal;
    let fail = (): void => undefined;
    const failing = probes.places.run("a", none, async () => {
      await new Promise<void>((resolve) => (fail = resolve));
      throw new Error("refused");
    });
    await probes.begin("a", PROBES_MAX - 1);
    const aborter = new AbortController();
    const waiting = probes.places.run("a", aborter.signal, async () => "never");
    await probes.begin("a");
    aborter.abort();
    const error: unknown = await waiting.catch((reason: unknown) => reason);
    expect(isAppError(error, "cancelled")).to.equal(true);
    fail();
    expect(await failing.catch(() => "failed")).to.equal("failed");
    await settle();
    expect(probes.of("a")).to.equal(PROBES_MAX);
  });
});
