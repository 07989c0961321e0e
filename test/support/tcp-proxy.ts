/** A wire between a client and a server that a test can cut, freeze and reset. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export class TcpProxy {
  readonly #server;
  readonly #pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  #isFrozen = false;

  private constructor(target: { host: string; port: number }) {
    this.#server = createServer((near) => {
      const far = connect(target);
      const pair = { near, far };
      this.#pairs.add(pair);
      for (const socket of [near, far]) {
        socket.on("error", () => undefined);
        socket.on("close", () => this.#pairs.delete(pair));
      }
      near.on("data", (data) => this.#isFrozen || far.write(data));
      far.on("data", (data) => this.#isFrozen || near.write(data));
      near.on("end", () => far.end());
      far.on("end", () => near.end());
    });
  }

  static async to(address: string): Promise<TcpProxy> {
    const [host = "", port = ""] = address.split(":");
    const proxy = new TcpProxy({ host, port: Number(port) });
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", () => resolve()));
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** As a killed process looks to its peer: RST to the client, nothing to the server. */
  reset(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  /** As a killed server: RST on both sides. */
  resetServerSide(): void {
    for (const { near, far } of this.#pairs) {
      far.resetAndDestroy();
      near.destroy();
    }
  }

  /** Packets vanish; connections stay. */
  freeze(): void {
    this.#isFrozen = true;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    await closed;
  }
}
