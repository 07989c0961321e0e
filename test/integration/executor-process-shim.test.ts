// What only plain processes have: a shim that can be killed, children that stay, files that rotate.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { ExecutorTask } from "../../src/agent/executor/executor.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import { LogCursor } from "../../src/agent/executor/process/log-cursor.ts";
import { ProcessExecutor } from "../../src/agent/executor/process/process-executor.ts";
import { SEGMENT_BYTES, SEGMENTS_KEPT } from "../../src/agent/executor/process/shim.ts";
import { LevelKvFactory } from "../../src/disk/level-kv.ts";
import type { ProcessSpec } from "../../src/model/index.ts";
import { codec } from "../../src/proto/load.ts";
import { isAppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { aTask, checkedBy, firstLine, readLogs, texts, until, untilExited } from "../suites/executor-harness.ts";

const owner = { clusterId: "c", nodeId: "n", nodeName: "n" };
const signal = new AbortController().signal;
/** What a segment may have beyond its bound: one batch of the copier. */
const BATCH_BYTES = 1024 * 1024;

describe("agent/executor/process with its shim", function () {
  this.timeout(30_000);
  let dataDir: string;
  let executor: ProcessExecutor;
  const made: string[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "shoal-shim-"));
    executor = await open();
  });
  afterEach(async () => {
    for (const id of made.splice(0)) await executor.removeTask(id, signal);
    await executor.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function open(): Promise<ProcessExecutor> {
    const opened = new ProcessExecutor({ env: realEnv, log: silentLogger, dataDir });
    await opened.start(owner);
    return opened;
  }

  function make(command: string, change: Partial<ProcessSpec> = {}): ExecutorTask {
    const id = newId(realEnv);
    made.push(id);
    const process = { ...codec("ProcessSpec").decode(new Uint8Array()), command: ["sh", "-c", command], ...change };
    return aTask(id, (spec) => ({ ...spec, runtime: "process", process }));
  }

  async function start(task: ExecutorTask): Promise<void> {
    await executor.prepareTask(task, signal);
    await executor.startTask(task, signal);
  }

  async function shimPid(taskId: string): Promise<number> {
    return Number((await readFile(join(dataDir, "process", taskId, "run", "shim"), "utf8")).split(" ")[0]);
  }

  async function printedPid(taskId: string): Promise<number> {
    await firstLine(executor, taskId);
    return Number(texts(await readLogs(executor, taskId))[0]);
  }

  it("says that an exit status is lost when the shim was killed too", async () => {
    const task = make("while :; do sleep 0.05; done");
    await start(task);
    const running = await executor.inspect(task.id);
    process.kill(await shimPid(task.id), "SIGKILL");
    expect((await executor.inspect(task.id))?.state).to.equal("running");
    process.kill(Number(running?.runtimeId), "SIGKILL");
    const state = await untilExited(executor, task.id);
    expect(state.exitCode).to.equal(255);
    expect(state.error).to.include("its shim was killed");
  });

  it("delivers SIGINT, which a shell's background jobs would ignore", async () => {
    const task = make("trap 'exit 6' INT; echo ready; while :; do sleep 0.05; done", { stopSignal: "INT" });
    await start(task);
    await firstLine(executor, task.id);
    await executor.stopTask(task, signal);
    expect((await executor.inspect(task.id))?.exitCode).to.equal(6);
  });

  for (const how of ["stopTask", "removeTask"] as const) {
    it(`leaves no child behind after ${how}`, async () => {
      const task = make("(trap '' TERM; while :; do sleep 0.05; done) & echo $!; sleep 60");
      await start(task);
      const source = executor.logs(task.id, { follow: true, tail: null, sinceMs: 0 });
      const child = await new Promise<number>((resolve) => {
        source.attach({ onLine: ({ data }) => resolve(Number(Buffer.from(data).toString())), onEnd: () => undefined });
      });
      source.cancel();
      expect(process.kill(child, 0)).to.equal(true);
      if (how === "stopTask") await executor.stopTask(task, signal);
      else await executor.removeTask(task.id, signal);
      expect(await isRunning(child)).to.equal(false);
    });
  }

  it("fails no task when its folder is removed under it, takes none, and goes on when it is put back", async () => {
    const task = make("while :; do sleep 0.05; done");
    await start(task);
    const before = await executor.inspect(task.id);
    const [root, aside] = [join(dataDir, "process"), join(dataDir, "aside")];
    await rename(root, aside);
    const told = new Promise<void>((resolve) => executor.onChange(resolve));
    const error: unknown = await executor.inspect(task.id).catch((failure: unknown) => failure);
    expect(isAppError(error, "unavailable"), String(error)).to.equal(true);
    await told;
    expect(executor.health()).to.deep.equal({ ok: false, message: `${root} was removed: put it back` });
    const refused: unknown = await executor.prepareTask(make("true"), signal).catch((failure: unknown) => failure);
    expect(isAppError(refused, "unavailable"), String(refused)).to.equal(true);
    const back = new Promise<void>((resolve) => executor.onChange(resolve));
    await rename(aside, root);
    await back;
    expect(await executor.inspect(task.id)).to.deep.equal(before);
  });

  it("leaves no child behind that made a session of its own", async () => {
    const task = make("setsid sh -c 'echo $$; while :; do sleep 0.05; done' & sleep 60");
    await start(task);
    const child = await printedPid(task.id);
    await executor.stopTask(task, signal);
    expect(await isRunning(child)).to.equal(false);
  });

  it("starts no second process beside one of which nothing can be read any more", async () => {
    const task = make("echo $$; while :; do sleep 0.05; done");
    await start(task);
    const first = await printedPid(task.id);
    await writeFile(join(dataDir, "process", task.id, "run", "pid"), "torn");
    await executor.startTask(task, signal);
    const second = Number((await executor.inspect(task.id))?.runtimeId);
    expect(second).to.not.equal(first);
    expect([await isRunning(first), await isRunning(second)]).to.deep.equal([false, true]);
  });

  it("takes nothing for gone, and fails no probe, while it has no file descriptor to look with", async () => {
    const task = make("while :; do sleep 0.05; done");
    await start(task);
    const before = await executor.inspect(task.id);
    if (before === null) return expect.fail("it does not run");
    const codeOf = async (work: Promise<unknown>): Promise<string> =>
      await work.then(
        () => "none",
        (error: unknown) => (isAppError(error) ? error.code : String(error)),
      );
    const restore = await withoutDescriptors();
    const probe = { command: { command: ["true"] }, http: null, tcp: null };
    const codes = await Promise.all([
      codeOf(executor.inspect(task.id)),
      codeOf(executor.list(signal)),
      codeOf(executor.stopTask(task, signal)),
      codeOf(executor.probe(before, probe, { timeoutMs: 1000, signal })),
      codeOf(executor.probe(before, { ...probe, command: null, tcp: { port: 1 } }, { timeoutMs: 1000, signal })),
    ]);
    await restore();
    expect(codes).to.deep.equal(Array.from({ length: 5 }, () => "unavailable"));
    expect(await executor.inspect(task.id)).to.deep.equal(before);
    process.kill(Number(before.runtimeId), "SIGKILL");
    expect((await untilExited(executor, task.id)).exitCode).to.equal(137);
  });

  it("keeps at most so many segments of so many bytes, and the newest lines", async () => {
    const lines = 500_000;
    const width = 100;
    const task = make(`i=0; seq -f '%0${width - 1}.0f' 1 ${lines}`);
    await start(task);
    await untilExited(executor, task.id);
    const [last] = await readLogs(executor, task.id, { follow: true, tail: 1 });
    expect(Number(Buffer.from(last?.data ?? []).toString())).to.equal(lines);
    const folder = join(dataDir, "process", task.id, "log");
    const names = (await readdir(folder)).filter((name) => name.startsWith("out."));
    expect(names.length).to.be.at.most(SEGMENTS_KEPT);
    for (const name of names) {
      expect((await stat(join(folder, name))).size).to.be.at.most(SEGMENT_BYTES + BATCH_BYTES);
    }
    const all = texts(await readLogs(executor, task.id)).map(Number);
    const first = all[0] ?? 0;
    expect(first).to.be.greaterThan(1);
    expect(all).to.deep.equal(Array.from({ length: lines - first + 1 }, (_, at) => first + at));
  });

  it("finds each line at the same position again, whatever was written meanwhile", async () => {
    const go = join(dataDir, "go");
    const task = make(`seq 1 20; echo err >&2; while [ ! -e ${go} ]; do sleep 0.02; done; seq 21 40`);
    await start(task);
    await firstLine(executor, task.id);
    const before = await readLogs(executor, task.id);
    await writeFile(go, "");
    await untilExited(executor, task.id);
    const after = await readLogs(executor, task.id);
    const placed = (lines: typeof after): string[] =>
      lines.map(({ stream, position, data }) => `${stream} ${position} ${Buffer.from(data).toString()}`);
    expect(placed(after)).to.include.members(placed(before));
    const out = after.filter(({ stream }) => stream === "stdout").map(({ position }) => position);
    expect(out).to.deep.equal([...new Set(out)].toSorted((a, b) => a - b));
  });

  it("gives the last line the time of the last write, whether it is followed or read later", async () => {
    const folder = await mkdtemp(join(tmpdir(), "shoal-log-"));
    try {
      await writeFile(join(folder, "out.1"), "one\nthree\n");
      const wroteAt = new Date(Date.now() + 60_000);
      await utimes(join(folder, "out.1"), wroteAt, wroteAt);
      const cursor = new LogCursor(folder, "out", Date.now());
      await cursor.seek(null);
      await cursor.refill();
      cursor.take();
      // What the file system made of it: a time given as a double is off by up to a microsecond.
      const { mtimeMs } = await stat(join(folder, "out.1"));
      expect(cursor.head?.timeUs).to.equal(Math.round(mtimeMs * 1000));
      await cursor.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("goes on with health where the last agent was", async () => {
    const file = join(dataDir, "healthy");
    const task = make(`touch ${file}; sleep 60`, { health: checkedBy(file) });
    await start(task);
    await until(executor, task.id, (state) => state?.health === "healthy");
    await executor.stop();
    executor = await open();
    expect((await executor.inspect(task.id))?.health).to.equal("healthy");
  });

  it("kills a probe that hangs, and counts it as failed", async () => {
    const health = { ...checkedBy(""), test: ["CMD", "sleep", "60"], timeoutMs: 100, startPeriodMs: 0 };
    const task = make("sleep 60", { health });
    await start(task);
    const state = await until(executor, task.id, (seen) => seen?.health === "unhealthy");
    expect(state?.state).to.equal("running");
  });

  it("lets log lines go whose folder is gone, and ends with its process", async () => {
    const go = join(dataDir, "go");
    const task = make(`echo ready; while [ ! -e ${go} ]; do sleep 0.02; echo more; done`);
    await start(task);
    await firstLine(executor, task.id);
    const copiers = await shellsOf(task.id);
    expect(copiers.length).to.be.above(0);
    await rm(join(dataDir, "process", task.id, "log"), { recursive: true });
    await writeFile(go, "");
    expect((await untilExited(executor, task.id)).exitCode).to.equal(0);
    await waitFor("the end of its shells", 5_000, async () => (await shellsOf(task.id)).length === 0 || undefined, 20);
  });

  it("gives a process nothing that its agent has open", async () => {
    const kv = await new LevelKvFactory(dataDir).open("agent");
    const task = make("ls -l /proc/self/fd");
    await start(task);
    await untilExited(executor, task.id);
    await kv.close();
    const lines = texts(await readLogs(executor, task.id)).join("\n");
    expect(lines).to.include("/dev/null").and.not.include(join(dataDir, "agent"));
  });

  it("refuses a folder that is not there", async () => {
    const error: unknown = await executor
      .prepareTask(make("true", { dir: "/no/such/folder" }), signal)
      .catch((failure: unknown) => failure);
    if (!isAppError(error, "invalid")) return expect.fail(String(error));
    expect(error.details.path).to.equal("spec.task.process.dir");
  });

  it("refuses a task id that would leave its folder", async () => {
    const error: unknown = await executor.removeTask("../other", signal).catch((failure: unknown) => failure);
    expect(isAppError(error, "invalid"), String(error)).to.equal(true);
  });
});

/** Until what it returns is called, this process opens nothing more. */
async function withoutDescriptors(): Promise<() => Promise<void>> {
  const limits = /^Max open files\s+(\d+)/m.exec(await readFile("/proc/self/limits", "utf8"));
  const helper = spawn("sh", [
    "-c",
    'prlimit --pid "$0" --nofile="$1:" && echo && read x; prlimit --pid "$0" --nofile="$2:"',
    String(process.pid),
    "3",
    limits?.[1] ?? "1024",
  ]);
  const ended = once(helper, "exit");
  await once(helper.stdout, "data");
  return async () => {
    helper.stdin.end("\n");
    await ended;
  };
}

/** Shells that run the shim of a task. */
async function shellsOf(taskId: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.map(Number).filter((_, at) => lines[at]?.includes("shim.sh") === true && lines[at].includes(taskId));
}

/** A zombie is not running. */
async function isRunning(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text !== "" && !text.slice(text.lastIndexOf(")")).startsWith(") Z");
}
