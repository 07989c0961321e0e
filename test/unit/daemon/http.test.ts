import { expect } from "chai";
import { connect } from "node:net";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { canServeHttp, isPlain, serveHttp, splitAddress, type Health } from "../../../src/daemon/http.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { expectCode } from "../../support/expect-code.ts";

describe("daemon/http", () => {
  let health: Health;
  let metrics: () => Promise<string>;

  beforeEach(() => {
    health = { ok: true, detail: { state: "ready" } };
    metrics = () => Promise.resolve("shoal_up 1\n");
  });

  const deps = {
    log: silentLogger,
    health: () => health,
    metrics: () => metrics(),
    credentials: () => null,
  };

  async function serving(work: (base: string, address: string) => Promise<void>): Promise<void> {
    const listener = await serveHttp(deps, { listen: "127.0.0.1:0", plain: false });
    try {
      await work(`http://${listener.address}`, listener.address);
    } finally {
      await listener.close();
    }
  }

  it("answers health by status and metrics as text", async () => {
    await serving(async (base) => {
      const ok = await fetch(`${base}/healthz?verbose`);
      expect([ok.status, await ok.json()]).to.deep.equal([200, { ok: true, state: "ready" }]);
      health = { ok: false, detail: { state: "joining" } };
      const notYet = await fetch(`${base}/healthz`);
      expect([notYet.status, await notYet.json()]).to.deep.equal([503, { ok: false, state: "joining" }]);
      const scrape = await fetch(`${base}/metrics`);
      expect(scrape.headers.get("content-type")).to.match(/^text\/plain; version=0\.0\.4/);
      expect(await scrape.text()).to.equal("shoal_up 1\n");
    });
  });

  it("refuses other methods and paths, and keeps a failure's reason to itself", async () => {
    await serving(async (base) => {
      expect((await fetch(`${base}/healthz`, { method: "POST" })).status).to.equal(405);
      expect((await fetch(`${base}/`)).status).to.equal(404);
      metrics = () => Promise.reject(new Error("secret"));
      const failed = await fetch(`${base}/metrics`);
      expect([failed.status, await failed.text()]).to.deep.equal([500, "internal error\n"]);
    });
  });

  it("answers garbage with an error and goes on", async () => {
    await serving(async (base, address) => {
      const { host, port } = splitAddress(address);
      const reply = await new Promise<string>((resolve) => {
        let text = "";
        const socket = connect({ host, port }, () => socket.write("\0\x01garbage\r\n\r\n"));
        socket.on("data", (data: Buffer) => (text += data.toString()));
        socket.on("close", () => resolve(text));
      });
      expect(reply).to.match(/^HTTP\/1\.1 400/);
      expect((await fetch(`${base}/healthz`)).status).to.equal(200);
    });
  });

  it("says which address is taken", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as AddressInfo;
    const error = await expectCode(serveHttp(deps, { listen: `127.0.0.1:${port}`, plain: false }), "precondition");
    expect(error.message).to.contain(`127.0.0.1:${port}`);
    expect(error.details.path).to.equal("http-listen");
    await new Promise((resolve) => blocker.close(resolve));
  });

  it("is plain on loopback or when told so, and otherwise waits for a certificate", async () => {
    const plain = (listen: string): boolean => isPlain({ listen, plain: false });
    expect(["127.0.0.1:1", "[::1]:1", "localhost:1"].map(plain)).to.deep.equal([true, true, true]);
    expect(["0.0.0.0:1", "10.0.0.1:1", "[::]:1"].map(plain)).to.deep.equal([false, false, false]);
    expect(isPlain({ listen: "0.0.0.0:1", plain: true })).to.equal(true);
    expect(canServeHttp(deps, { listen: "0.0.0.0:0", plain: false })).to.equal(false);
    expect(canServeHttp(deps, { listen: "0.0.0.0:0", plain: true })).to.equal(true);
    await expectCode(serveHttp(deps, { listen: "0.0.0.0:0", plain: false }), "precondition");
  });
});
