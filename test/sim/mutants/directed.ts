/** One test of a directed test file, run in a mutant's copy of the program and without its runner. */
import type { Verdict } from "./hunt.ts";
import type { DirectedTest } from "./mutant.ts";

type Body = (this: { timeout(): void }) => unknown;

/** @throws Error when the file has no such test */
export async function directed(at: number, { file, title }: DirectedTest): Promise<Verdict> {
  const tests = new Map<string, Body>();
  const suite = (_title: string, body: Body): unknown => body.call({ timeout: () => undefined });
  Object.assign(globalThis, { describe: suite, it: (name: string, body: Body) => tests.set(name, body) });
  await import(`../${file}?mutant=${at}`);
  const test = tests.get(title);
  if (test === undefined) throw new Error(`${file} has no test "${title}", but ${[...tests.keys()].join("; ")}`);
  try {
    await test.call({ timeout: () => undefined });
    return { seed: null, killedBy: null, why: null };
  } catch (error) {
    return { seed: null, killedBy: `test: ${title}`, why: error instanceof Error ? error.message : String(error) };
  }
}
