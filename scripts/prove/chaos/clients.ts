// Clients: some use services as registers (write, compare-and-set, read), some as what they are (create, update, remove,
// get). A value is in two places of a spec, which must never differ.
import { randomUUID } from "node:crypto";

import type { ServiceSpecInput } from "../../../src/proto/gen/ServiceSpec.ts";
import type { Response } from "../../../src/proto/load.ts";
import type { Context } from "../../../src/cli/context.ts";
import { attempt, read } from "./attempts.ts";
import type { Verdict } from "./attempts.ts";
import type { History, Write } from "./history.ts";
import { Managers } from "./managers.ts";
import { sleep } from "../report.ts";

const THINK_MS_MAX = 50;
const LABEL = "value";
/** A compare-and-set loop that never gets through is given up, having done nothing. */
const ROUNDS_MAX = 20;

type Service = NonNullable<Response<"Control.GetService">["service"]>;
export type Seen = { readonly id: string; readonly version: number; readonly value: string };

export function specOf(name: string, value: string): ServiceSpecInput {
  const task = { container: { image: "app:1", env: [`VALUE=${value}`] } };
  return { name, labels: { [LABEL]: value }, replicated: { replicas: 0 }, task };
}

/** @returns null where its two places differ */
export function valueOf({ spec }: Service): string | null {
  const label = spec?.labels[LABEL] ?? "";
  return spec?.task?.container?.env[0] === `VALUE=${label}` ? label : null;
}

export type ClientOptions = {
  readonly context: Context;
  readonly history: History;
  readonly number: number;
  readonly names: readonly string[];
};

abstract class Client implements Disposable {
  readonly history: History;
  readonly managers: Managers;
  protected readonly number: number;
  readonly #names: readonly string[];
  #values = 0;

  constructor({ context, history, number, names }: ClientOptions) {
    this.history = history;
    this.number = number;
    this.managers = new Managers(context);
    this.#names = names;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.step(this.#names[Math.floor(Math.random() * this.#names.length)] ?? "");
      await sleep(Math.random() * THINK_MS_MAX);
    }
  }

  protected abstract step(name: string): Promise<void>;

  protected newValue(): string {
    this.#values += 1;
    return `${this.number}.${this.#values}`;
  }

  /** What is there, linearizable; half of the time by a list, which tells at which index. */
  protected async look(
    name: string,
  ): Promise<{ readonly call: number; readonly seen: Seen | "not-found"; readonly index: number | null } | null> {
    if (Math.random() < 0.5) {
      const found = await read(this, "Control.GetService", { id: name });
      if (found === null) return null;
      const service = found.answer === "not-found" ? null : found.answer.service;
      return { call: found.call, seen: this.#seen(service), index: null };
    }
    const found = await read(this, "Control.ListServices", { filters: [`name=${name}`], pageSize: 1_000 });
    if (found === null || found.answer === "not-found") return null;
    const { services, version } = found.answer;
    const service = services.find((one) => one.service?.spec?.name === name)?.service ?? null;
    this.history.learn(version);
    return { call: found.call, seen: this.#seen(service), index: version };
  }

  #seen(service: Service | null): Seen | "not-found" {
    this.history.counts.reads += 1;
    if (service === null) return "not-found";
    const value = valueOf(service);
    if (value === null) this.history.problems.push(`half of a change was seen: ${JSON.stringify(service.spec)}`);
    const version = service.specVersion;
    this.history.learn(version);
    return { id: service.id, version, value: value ?? "" };
  }

  protected async update(
    name: string,
    { version, value }: { readonly version: number; readonly value: string },
  ): Promise<Verdict<Response<"Control.UpdateService">>> {
    const request = { requestId: randomUUID(), id: name, version, spec: specOf(name, value) };
    const verdict = await attempt(this, "Control.UpdateService", request);
    this.note({ kind: "update", name, value }, verdict);
    return verdict;
  }

  /** For the comparison with the log of changes. */
  protected note(
    write: Pick<Write, "kind" | "name" | "value">,
    verdict: Verdict<{ readonly service?: Service | null; readonly id?: string }>,
  ): void {
    const { outcome } = verdict;
    const answer = outcome === "done" ? verdict.value : {};
    const version = answer.service?.specVersion ?? 0;
    this.history.learn(version);
    const knownBefore = outcome === "denied" && verdict.open !== null ? verdict.knownBefore : null;
    this.history.write({ ...write, outcome, version, id: answer.service?.id ?? answer.id ?? "", knownBefore });
  }

  [Symbol.dispose](): void {
    this.managers[Symbol.dispose]();
  }
}

/** A register is a service's value: it is read, written, and set if it is what was read last. */
export class RegisterClient extends Client {
  readonly #read = new Map<string, string>();

  protected async step(key: string): Promise<void> {
    const dice = Math.random();
    if (dice < 0.4) await this.#get(key);
    else if (dice < 0.7) await this.#set(key, null);
    else await this.#set(key, this.#read.get(key) ?? "");
  }

  async #get(key: string): Promise<void> {
    const found = await this.look(key);
    if (found === null) return;
    const { call, seen, index } = found;
    // A register is never removed: one that is gone holds a value that nobody wrote.
    const value = seen === "not-found" ? "(gone)" : seen.value;
    this.#read.set(key, value);
    const done = { client: this.number, call, return: this.history.tick(), index };
    this.history.registers.push({ ...done, op: "read", input: { key }, output: { value } });
  }

  /** A write if `expected` is null. */
  async #set(key: string, expected: string | null): Promise<void> {
    const call = this.history.tick();
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const found = await this.look(key);
      if (found === null || found.seen === "not-found") return;
      const { version, value: current } = found.seen;
      const value = this.newValue();
      if (expected !== null && current !== expected) {
        this.#record(key, { value, expected, done: false }, { call, index: found.index });
        return;
      }
      const verdict = await this.update(key, { version, value });
      if (verdict.outcome === "done") {
        const index = verdict.value.service?.specVersion ?? null;
        this.#record(key, { value, expected, done: true }, { call, index });
        return;
      }
      if (verdict.outcome === "unknown") {
        this.#record(key, { value, expected, done: null }, { call, index: null });
        return;
      }
      if (verdict.outcome === "refused") return;
      // Somebody was quicker. An attempt at a version that has passed can never take effect.
    }
  }

  #record(
    key: string,
    {
      value,
      expected,
      done,
    }: { readonly value: string; readonly expected: string | null; readonly done: boolean | null },
    { call, index }: { readonly call: number; readonly index: number | null },
  ): void {
    const ends = done === null ? ("unknown" as const) : this.history.tick();
    const common = { client: this.number, call, return: ends, index };
    if (expected === null) {
      const output = done === null ? null : {};
      this.history.registers.push({ ...common, op: "write", input: { key, value }, output });
    } else {
      const output = done === null ? null : { done };
      this.history.registers.push({ ...common, op: "cas", input: { key, expected, value }, output });
    }
  }
}

/** Services come, change and go. */
export class ServiceClient extends Client {
  readonly #versions = new Map<string, number>();

  protected async step(name: string): Promise<void> {
    const dice = Math.random();
    if (dice < 0.3) await this.#get(name);
    else if (dice < 0.55) await this.#create(name);
    else if (dice < 0.8) await this.#update(name);
    else await this.#remove(name);
  }

  async #get(name: string): Promise<void> {
    const found = await this.look(name);
    if (found === null) return;
    const { call, seen, index } = found;
    if (seen !== "not-found") this.#versions.set(name, seen.version);
    const output = seen === "not-found" ? seen : { version: seen.version, value: seen.value };
    const done = { client: this.number, call, return: this.history.tick(), index };
    this.history.services.push({ ...done, op: "get", input: { name }, output });
  }

  async #create(name: string): Promise<void> {
    const value = this.newValue();
    const request = { requestId: randomUUID(), spec: specOf(name, value) };
    const verdict = await attempt(this, "Control.CreateService", request);
    this.note({ kind: "create", name, value }, verdict);
    if (verdict.outcome === "refused") return;
    const { number: client, history } = this;
    const input = { name, value };
    const open = openSince(verdict);
    if (open !== null) {
      history.services.push({ client, op: "create", input, call: open, return: "unknown", output: null, index: null });
    }
    if (verdict.outcome === "unknown") return;
    const ends = { client, call: verdict.call, return: history.tick(), input, op: "create" as const };
    if (verdict.outcome === "denied") history.services.push({ ...ends, output: "exists", index: null });
    else {
      const version = verdict.value.service?.specVersion ?? 0;
      this.#versions.set(name, version);
      history.services.push({ ...ends, output: { version }, index: version });
    }
  }

  async #update(name: string): Promise<void> {
    const known = this.#versions.get(name);
    if (known === undefined) {
      await this.#get(name);
      return;
    }
    const value = this.newValue();
    const verdict = await this.update(name, { version: known, value });
    if (verdict.outcome === "refused") return;
    const { number: client, history } = this;
    const input = { name, version: known, value };
    if (verdict.outcome === "unknown") {
      const open = { client, call: verdict.call, return: "unknown" as const };
      history.services.push({ ...open, op: "update", input, output: null, index: null });
      return;
    }
    const ends = { client, call: verdict.call, return: history.tick(), input, op: "update" as const };
    if (verdict.outcome === "denied") {
      this.#versions.delete(name);
      const output = verdict.code === "not-found" ? "not-found" : "conflict";
      history.services.push({ ...ends, output, index: null });
    } else {
      const version = verdict.value.service?.specVersion ?? 0;
      this.#versions.set(name, version);
      history.services.push({ ...ends, output: { version }, index: version });
    }
  }

  async #remove(name: string): Promise<void> {
    const verdict = await attempt(this, "Control.RemoveService", { requestId: randomUUID(), id: name });
    this.note({ kind: "remove", name, value: "" }, verdict);
    if (verdict.outcome === "refused") return;
    const { number: client, history } = this;
    const open = openSince(verdict);
    const input = { name };
    if (open !== null) {
      history.services.push({ client, op: "remove", input, call: open, return: "unknown", output: null, index: null });
    }
    if (verdict.outcome === "unknown") return;
    const output = verdict.outcome === "done" ? "removed" : "not-found";
    const ends = { client, call: verdict.call, return: history.tick(), index: null };
    history.services.push({ ...ends, op: "remove", input, output });
  }
}

/** Since when an attempt may take effect at any time, although another was answered. */
function openSince<T>(verdict: Verdict<T>): number | null {
  if (verdict.outcome === "unknown") return verdict.call;
  return verdict.outcome === "denied" ? verdict.open : null;
}
