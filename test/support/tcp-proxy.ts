/** A wire between a client and a server that a test can cut, freeze and reset. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

type Pair = { readonly near: Socket; readonly far: Socket; isFrozen: boolean };

export class TcpProxy {
  readonly #server;
  readonly #pairs = new Set<Pair>();
  /** Where it listens, and from where it connects. */
  readonly host: string;
  #isFrozen = false;

  private constructor(target: { host: string; port: number }, host: string) {
    this.host = host;
    this.#server = createServer((near) => {
      const far = connect({ ...target, localAddress: host });
      const pair: Pair = { near, far, isFrozen: this.#isFrozen };
      this.#pairs.add(pair);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        socket.on("error", () => undefined);
        socket.on("data", (data) => pair.isFrozen || other.write(data));
        socket.on("end", () => pair.isFrozen || other.end());
        socket.on("close", () => {
          if (!pair.isFrozen) other.destroy();
          if (near.destroyed && far.destroyed) this.#pairs.delete(pair);
        });
      }
    });
  }

  /** @param host an address of this machine; the port is free */
  static async to(address: string, { host = "127.0.0.1" }: { readonly host?: string } = {}): Promise<TcpProxy> {
    const [targetHost = "", port = ""] = address.split(":");
    const proxy = new TcpProxy({ host: targetHost, port: Number(port) }, host);
    await new Promise<void>((resolve) => proxy.#server.listen(0, host, () => resolve()));
    return proxy;
  }

  get address(): string {
    return `${this.host}:${(this.#server.address() as AddressInfo).port}`;
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

  /** Half-open: connections stay and new ones are accepted, and nothing passes, not even an end. */
  freeze(): void {
    this.#isFrozen = true;
    for (const pair of this.#pairs) pair.isFrozen = true;
  }

  /** New connections pass again. Frozen ones lost bytes: they stay dead until both ends have given them up. */
  thaw(): void {
    this.#isFrozen = false;
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
