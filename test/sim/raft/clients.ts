/** The clients of a run, and what is asked of their histories at its end. */
import { judge } from "../../support/linearizability/judge.ts";
import { REGISTER, SERVICE, type ServiceOperation } from "../../support/linearizability/models.ts";
import type { Operation, RegisterOperation } from "../../support/history.ts";
import { Client, type Site } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import { INVARIANTS, violated } from "../../support/raft-oracle/invariants.ts";

/** Tried operations of the search for an order, for one object. */
const BUDGET = 300_000;
const REGISTER_OPS = ["read", "write", "cas"];

export class Clients {
  readonly #cluster: Cluster;
  readonly #clients: Client[];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const { world, invariants, observer, weather } = cluster;
    const site: Site = {
      world,
      machines: () => cluster.list.filter(({ dead }) => dead === null),
      leader: () => cluster.leader(),
      commitIndex: () => invariants.commitIndex,
      count: (what) => observer.count(what),
      moment: () => observer.moment(),
      readServed: ({ id }, version, committedAtCall) => invariants.read(id, version, committedAtCall),
    };
    this.#clients = Array.from({ length: weather.clients }, (_, at) => new Client(at + 1, site, weather.client));
  }

  start(): void {
    for (const client of this.#clients) client.start();
  }

  stop(): void {
    for (const client of this.#clients) client.stop();
  }

  get areIdle(): boolean {
    return this.#clients.every((client) => client.isIdle);
  }

  /** By one client: a write, then a read of everything there is. `done` once all of them have an answer. */
  probe(done: () => void): void {
    const [client] = this.#clients;
    if (client === undefined) throw new Error("There are no clients");
    const { keys } = this.#cluster.weather.client;
    const asked = [client.aWrite(), ...client.everything(keys)];
    const next = (): void => {
      const [first] = asked;
      if (first === undefined) done();
      // Until it is answered: nothing fails any more.
      else
        client.perform(first, (operation) => {
          if (operation.return !== "unknown" && operation.output !== null) asked.shift();
          next();
        });
    };
    next();
  }

  get history(): readonly Operation[] {
    return this.#clients.flatMap(({ history }) => history).sort((a, b) => a.call - b.call);
  }

  /** Exactly once, and in an order that explains all answers. */
  judge(): void {
    this.#settleOutcomes();
    const { history } = this;
    try {
      const isRegister = ({ op }: Operation): boolean => REGISTER_OPS.includes(op);
      judge(REGISTER, history.filter(isRegister) as RegisterOperation[], {
        objectOf: (op) => op.input.key,
        isRead: ({ op }) => op === "read",
        budget: BUDGET,
      });
      judge(SERVICE, history.filter((op) => !isRegister(op)) as ServiceOperation[], {
        objectOf: (op) => op.input.name,
        isRead: ({ op }) => op === "get",
        budget: BUDGET,
      });
    } catch (error) {
      violated(INVARIANTS.linearizable, error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * The log knows what became of every change: what was acknowledged is in it, what was refused is not. A change had
   * happened when somebody applied it, whenever its client heard of that, if ever: left open for so long, some would
   * make the search for an order endless.
   */
  #settleOutcomes(): void {
    for (const client of this.#clients) {
      for (const { requestId, operation, outcome } of client.mutations) {
        const made = this.#cluster.invariants.made(`c/${requestId}`);
        if (outcome === "acked" && made === null)
          violated(INVARIANTS.exactlyOnce, `${requestId} is acknowledged and lost`);
        if (outcome === "refused" && made !== null)
          violated(INVARIANTS.exactlyOnce, `${requestId} is refused and done`);
        if (made === null) client.forget(operation);
        else Object.assign(operation, { index: made.index, return: earlier(operation.return, made.moment) });
      }
    }
  }
}

function earlier(end: number | "unknown", moment: number): number {
  return end === "unknown" ? moment : Math.min(end, moment);
}
