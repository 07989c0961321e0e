// Pulls against a small stand-in for the engine, because what a registry does wrong cannot be asked of a real one here.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { EngineClient } from "../../src/agent/executor/docker/engine-client.ts";
import { ImagePuller, PULLS_MAX } from "../../src/agent/executor/docker/pull.ts";
import type { Env } from "../../src/util/env.ts";
import { isAppError } from "../../src/util/errors.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";

/** Deadlines of seconds pass in a tenth of the time. */
const HASTE = 50;
const hastyEnv: Env = { ...realEnv, setTimer: (ms, fn) => realEnv.setTimer(ms / HASTE, fn) };
const signal = new AbortController().signal;

describe("agent/executor/docker/pull", () => {
  const local = new Set<string>();
  let folder: string;
  let server: Server;
  let client: EngineClient;
  let puller: ImagePuller;
  /** Pulls under way, oldest first; a test ends them. */
  const pulls: { query: URLSearchParams; response: ServerResponse }[] = [];
  let onPull = (): void => undefined;
  let isPingAnswered = true;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-pull-"));
    local.clear();
    pulls.length = 0;
    isPingAnswered = true;
    server = createServer((request, response) => {
      const url = new URL(request.url ?? "", "http://engine");
      if (url.pathname === "/_ping") {
        if (isPingAnswered) response.end("OK");
      } else if (url.pathname === "/images/create") {
        pulls.push({ query: url.searchParams, response });
        onPull();
      } else {
        const name = url.pathname.replace(/^\/images\/(.*)\/json$/, "$1");
        response.writeHead(local.has(name) ? 200 : 404, { "Content-Type": "application/json" });
        response.end(JSON.stringify(local.has(name) ? { Id: name } : { message: `No such image: ${name}` }));
      }
    });
    const socketPath = join(folder, "engine.sock");
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    client = new EngineClient(hastyEnv, { socketPath });
    puller = new ImagePuller({ env: hastyEnv, log: silentLogger, client });
  });

  afterEach(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    await rm(folder, { recursive: true, force: true });
  });

  async function arrived(count: number): Promise<void> {
    while (pulls.length < count) await new Promise<void>((resolve) => (onPull = resolve));
  }

  function end(at: number, ...progress: object[]): void {
    pulls[at]?.response.end(progress.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
  }

  async function refused(call: Promise<void>): Promise<{ code: string; message: string; next: string | undefined }> {
    try {
      await call;
    } catch (error) {
      if (!isAppError(error)) throw error;
      return { code: error.code, message: error.message, next: error.details.next };
    }
    return expect.fail("it was expected to fail");
  }

  it("asks no registry when the image is local", async () => {
    local.add("web:1");
    await puller.ensure("web:1", "MISSING", signal);
    await puller.ensure("web:1", "NEVER", signal);
    expect(pulls.length).to.equal(0);
  });

  it("pulls one tag of a missing image, and not every tag where none is named", async () => {
    const pulling = puller.ensure("team/web", "MISSING", signal);
    await arrived(1);
    end(0, { status: "Pulling" });
    await pulling;
    expect(Object.fromEntries(pulls[0]?.query ?? [])).to.deep.equal({ fromImage: "docker.io/team/web", tag: "latest" });
  });

  it("never pulls when the policy says so, and says what to do", async () => {
    const { code, message, next } = await refused(puller.ensure("web:1", "NEVER", signal));
    expect([code, pulls.length]).to.deep.equal(["not-found", 0]);
    expect(message).to.include("web:1");
    expect(next).to.include("docker pull web:1");
  });

  it("pulls a local image anew when the policy says always, and falls back on it when the registry is away", async () => {
    local.add("web:1");
    const pulling = puller.ensure("web:1", "ALWAYS", signal);
    await arrived(1);
    end(0, { status: "Up to date" });
    await pulling;
    // The second registry never answers.
    await puller.ensure("web:1", "ALWAYS", signal);
    expect(pulls.length).to.equal(2);
  });

  it("shares one pull among all who want the image", async () => {
    const both = Promise.all([puller.ensure("web:1", "MISSING", signal), puller.ensure("web:1", "MISSING", signal)]);
    await arrived(1);
    end(0);
    await both;
    expect(pulls.length).to.equal(1);
  });

  it("goes on for the others when one of them gives up, and ends when all have", async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const one = puller.ensure("web:1", "MISSING", first.signal);
    const two = puller.ensure("web:1", "MISSING", second.signal);
    await arrived(1);
    const isClosed = new Promise<void>((resolve) => pulls[0]?.response.once("close", resolve));
    pulls[0]?.response.write("{}\n");
    first.abort();
    expect((await refused(one)).code).to.equal("cancelled");
    expect(pulls[0]?.response.destroyed).to.equal(false);
    second.abort();
    expect((await refused(two)).code).to.equal("cancelled");
    await isClosed;
  });

  it(`runs at most ${PULLS_MAX} at once`, async () => {
    const images = Array.from({ length: PULLS_MAX + 1 }, (_, at) => `web:${at}`);
    const all = Promise.all(images.map((image) => puller.ensure(image, "MISSING", signal)));
    await arrived(PULLS_MAX);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pulls.length).to.equal(PULLS_MAX);
    end(0);
    await arrived(PULLS_MAX + 1);
    for (let at = 1; at <= PULLS_MAX; at++) end(at);
    await all;
  });

  it("names the image and the registry's reason when the pull fails", async () => {
    const pulling = refused(puller.ensure("web:1", "MISSING", signal));
    await arrived(1);
    end(0, { status: "Pulling" }, { error: "manifest for web:1 not found" });
    const { code, message, next } = await pulling;
    expect(code).to.equal("not-found");
    expect(message).to.include("web:1").and.to.include("manifest for web:1 not found");
    expect(next).to.not.equal(undefined);
  });

  it("gives up on a registry that does not answer, and on one that stops", async () => {
    expect((await refused(puller.ensure("web:1", "MISSING", signal))).message).to.include("registry does not answer");
    const stopping = refused(puller.ensure("web:2", "MISSING", signal));
    await arrived(2);
    pulls[1]?.response.write("{}\n");
    const { code, message } = await stopping;
    expect([code, message.includes("no progress")]).to.deep.equal(["not-found", true]);
  });

  it("blames an engine that does not answer, not the image", async () => {
    const pulling = refused(puller.ensure("web:1", "MISSING", signal));
    await arrived(1);
    isPingAnswered = false;
    expect((await pulling).code).to.equal("unavailable");
    const broken = refused(puller.ensure("web:2", "MISSING", signal));
    await arrived(2);
    pulls[1]?.response.write("{}\n");
    pulls[1]?.response.destroy();
    expect((await broken).code).to.equal("unavailable");
  });
});
