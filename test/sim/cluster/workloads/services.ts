/**
 * Clients that create, change, read and remove the same few services by name. What they see goes into the history that
 * the linearizability checker judges.
 */
import type { KeysOf, RequestInput, Response } from "../../../../src/proto/load.ts";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import { AppError, type ErrorCode } from "../../../../src/util/errors.ts";
import { newId } from "../../../../src/util/id.ts";
import type { ServiceOperation } from "../../../support/linearizability/models.ts";
import type { MemoryNode } from "../../../support/memory-rpc.ts";
import { askUntilClear, NO_ANSWER } from "../ask.ts";
import type { Dice } from "../dice.ts";
import { LoopingWorkload, type MakeWorkload } from "../workload.ts";
import type { World } from "../world.ts";
import { changedJob, freshJob, isJobName } from "./job-specs.ts";
import { changedSpec, freshSpec, VALUE_LABEL } from "./specs.ts";

/** A change is repeated for so long before its client gives up. */
const PATIENCE_MS = [2_000, 20_000] as const;
type OmitEach<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Said = OmitEach<ServiceOperation, "client" | "call" | "return">;

/** `skipped`: certainly not executed. `open`: it may take effect at any time, or never. */
type Outcome<T> =
  | { readonly kind: "answered"; readonly answer: T }
  | { readonly kind: "refused"; readonly code: ErrorCode }
  | { readonly kind: "skipped" | "open" };

type Found = { readonly version: number; readonly spec: ServiceSpecInput };

class ServiceClient extends LoopingWorkload {
  readonly name: string;
  readonly #world: World;
  readonly #number: number;
  readonly #dice: Dice;
  readonly #from: MemoryNode;
  readonly #names: readonly string[];
  #changes = 0;

  constructor(world: World, number: number) {
    super();
    const { services, jobs } = world.plan;
    this.#names = [...Array.from({ length: services }, (_, at) => `s${at + 1}`), ...jobs];
    this.name = `client ${number}`;
    this.#world = world;
    this.#number = number;
    this.#dice = world.dice(this.name);
    this.#from = world.cluster.client(`client${number}`);
  }

  protected override async run(): Promise<void> {
    while (!this.isStopped) {
      await this.#once(this.#dice.pick(this.#names) ?? "");
      await this.#world.pause(this.#dice.between(0, 2 * this.#world.plan.thinkMs));
    }
  }

  async #once(name: string): Promise<void> {
    const found = await this.#get(name);
    if (found === "unknown") return;
    if (found === "not-found") await this.#create(name);
    else if (this.#dice.chance(0.15)) await this.#remove(name);
    else if (this.#dice.chance(0.8)) await this.#update(name, found);
    else if (this.#dice.chance(0.2)) await this.#create(name);
  }

  async #get(name: string): Promise<Found | "not-found" | "unknown"> {
    const call = this.#world.point();
    const outcome = await this.#attempt("Control.GetService", { id: name }, ["not-found"]);
    const input = { name };
    if (outcome.kind === "refused") {
      this.#said(call, { op: "get", input, output: "not-found", index: null });
      return "not-found";
    }
    if (outcome.kind !== "answered") return "unknown";
    const { spec = null, specVersion: version = 0 } = outcome.answer.service ?? {};
    this.#said(call, { op: "get", input, output: { version, value: spec?.labels[VALUE_LABEL] ?? "" }, index: null });
    return { version, spec: spec ?? {} };
  }

  async #create(name: string): Promise<void> {
    const value = this.#value();
    const [input, call] = [{ name, value }, this.#world.point()];
    const { plan } = this.#world;
    const spec = isJobName(name)
      ? freshJob(this.#dice, name, value)
      : freshSpec({ dice: this.#dice, plan }, name, value);
    const outcome = await this.#attempt("Control.CreateService", { requestId: this.#id(), spec }, ["exists"]);
    if (outcome.kind === "refused") this.#said(call, { op: "create", input, output: "exists", index: null });
    else if (outcome.kind === "open") this.#said(call, { op: "create", input, output: null, index: null });
    else if (outcome.kind === "answered") {
      const version = outcome.answer.service?.specVersion ?? 0;
      this.#said(call, { op: "create", input, output: { version }, index: version });
    }
  }

  async #update(name: string, { version, spec: before }: Found): Promise<void> {
    const value = this.#value();
    const [input, call] = [{ name, version, value }, this.#world.point()];
    const { plan } = this.#world;
    const spec = isJobName(name)
      ? changedJob(this.#dice, before, value)
      : changedSpec({ dice: this.#dice, plan }, before, value);
    const request = { requestId: this.#id(), id: name, version, spec };
    const outcome = await this.#attempt("Control.UpdateService", request, ["conflict", "not-found"]);
    if (outcome.kind === "refused") {
      const output = outcome.code === "conflict" ? "conflict" : "not-found";
      this.#said(call, { op: "update", input, output, index: null });
    } else if (outcome.kind === "open") this.#said(call, { op: "update", input, output: null, index: null });
    else if (outcome.kind === "answered") {
      const made = outcome.answer.service?.specVersion ?? 0;
      this.#said(call, { op: "update", input, output: { version: made }, index: made });
    }
  }

  async #remove(name: string): Promise<void> {
    const [input, call] = [{ name }, this.#world.point()];
    const outcome = await this.#attempt("Control.RemoveService", { requestId: this.#id(), id: name }, ["not-found"]);
    if (outcome.kind === "skipped") return;
    const output = { answered: "removed", refused: "not-found", open: null } as const;
    this.#said(call, { op: "remove", input, output: output[outcome.kind], index: null });
  }

  /** @param answers refusals that say something of the object */
  async #attempt<K extends KeysOf<"unary">>(
    key: K,
    request: RequestInput<K>,
    answers: readonly ErrorCode[],
  ): Promise<Outcome<Response<K>>> {
    let wasUnclear = false;
    const asking = {
      from: this.#from,
      dice: this.#dice,
      withinMs: this.#dice.between(...PATIENCE_MS),
      onUnclear: () => {
        wasUnclear = true;
      },
    };
    const isRead = key === "Control.GetService";
    try {
      return { kind: "answered", answer: await askUntilClear(this.#world, asking, key, request) };
    } catch (error) {
      const { code, message } = AppError.from(error);
      const isAnswer = answers.includes(code);
      if (!isAnswer && !NO_ANSWER.has(code)) {
        this.#world.fail("refusals are explained", `${this.name} ${key}: ${code} ${message}`);
      }
      // A former attempt may be on its way still, and be made after all.
      if (wasUnclear && !isRead) return { kind: "open" };
      return isAnswer ? { kind: "refused", code } : { kind: "skipped" };
    }
  }

  #said(call: number, said: Said): void {
    const { history, coverage } = this.#world;
    const client = this.#number;
    const returned = said.output === null ? ("unknown" as const) : this.#world.point();
    history.push({ ...said, client, call, return: returned } as ServiceOperation);
    coverage.add(said.output === null ? "unknown outcomes" : said.op === "get" ? "reads" : "writes answered");
    this.#world.trace(() => `${this.name} ${JSON.stringify({ ...said, call, return: returned })}`);
  }

  #id(): string {
    return newId(this.#from.env);
  }

  #value(): string {
    this.#changes += 1;
    return `c${this.#number}-${this.#changes}`;
  }
}

export const makeServiceClients: MakeWorkload = (world) =>
  Array.from({ length: world.plan.clients }, (_, at) => new ServiceClient(world, at + 1));
