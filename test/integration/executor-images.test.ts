// Against a small stand-in for the engine: what a real one has besides is not the test's to remove.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { collectImages } from "../../src/agent/executor/docker/collect-images.ts";
import { EngineClient } from "../../src/agent/executor/docker/engine-client.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";

describe("agent/executor/docker/collect-images", () => {
  const images = [
    { Id: "sha256:used", RepoTags: ["nginx:1"], RepoDigests: ["nginx@sha256:1"] },
    { Id: "sha256:stopped", RepoTags: ["redis:7"], RepoDigests: ["redis@sha256:2"] },
    { Id: "sha256:built", RepoTags: ["mine:1"], RepoDigests: null },
    { Id: "sha256:busy", RepoTags: ["busy:1"], RepoDigests: ["busy@sha256:3"] },
    { Id: "sha256:old", RepoTags: ["app/web:1", "app/web:2"], RepoDigests: ["app/web@sha256:4"] },
  ];
  const removed: string[] = [];
  let folder: string;
  let server: Server;
  let client: EngineClient;

  beforeEach(async () => {
    removed.length = 0;
    folder = await mkdtemp(join(tmpdir(), "shoal-images-"));
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://engine");
      const answer = (status: number, body: unknown): void => {
        response.writeHead(status, { "Content-Type": "application/json" });
        response.end(JSON.stringify(body));
      };
      if (pathname === "/images/json") answer(200, images);
      else if (pathname === "/containers/json" && searchParams.get("all") === "true") {
        answer(200, [{ ImageID: "sha256:used" }, { ImageID: "sha256:stopped" }]);
      } else if (request.method === "DELETE" && !pathname.includes("busy")) {
        removed.push(decodeURIComponent(pathname.replace("/images/", "")));
        answer(200, []);
      } else answer(409, { message: "conflict" });
    });
    const socketPath = join(folder, "engine.sock");
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    client = new EngineClient(realEnv, { socketPath });
  });

  afterEach(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    await rm(folder, { recursive: true, force: true });
  });

  it("removes what no container uses and a registry has, whatever of it the engine refuses", async () => {
    const count = await collectImages(client, silentLogger, new AbortController().signal);
    expect(removed).to.deep.equal(["app/web:1", "app/web:2"]);
    expect(count).to.equal(2);
  });
});
