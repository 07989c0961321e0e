// A Docker engine's HTTP API, for measuring: starting a docker client costs 50 ms a look.
import { request } from "node:http";
import type { IncomingMessage } from "node:http";

const CALL_MS = 30_000;

export class EngineApi {
  readonly #socketPath: string;

  /** @param host "unix:///path"; without one the machine's own */
  constructor(host = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock") {
    this.#socketPath = host.replace(/^unix:\/\//, "");
  }

  /** @returns the answer's body; rejects when it is no success, or late */
  async call(method: string, path: string, body?: object, timeoutMs = CALL_MS): Promise<string> {
    const response = await this.open(method, path, body, timeoutMs);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    if ((response.statusCode ?? 500) < 300) return text;
    throw new Error(`The engine answered ${response.statusCode ?? 0} to ${method} ${path}: ${text}`);
  }

  async json<T>(method: string, path: string, body?: object, timeoutMs = CALL_MS): Promise<T> {
    // The engine's own shapes, as its API's documentation has them.
    return JSON.parse(await this.call(method, path, body, timeoutMs)) as T;
  }

  /** For answers that stay open. @param timeoutMs of silence, 0 for none */
  async open(method: string, path: string, body?: object, timeoutMs = 0): Promise<IncomingMessage> {
    return await new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const call = request({ socketPath: this.#socketPath, method, path, headers }, resolve);
      if (timeoutMs > 0) call.setTimeout(timeoutMs, () => call.destroy(new Error(`No answer to ${method} ${path}`)));
      call.once("error", reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** @returns the new container's id, once it runs */
  async start(image: string, command: readonly string[]): Promise<string> {
    const body = { Image: image, Cmd: command };
    const { Id: id } = await this.json<{ Id: string }>("POST", "/containers/create", body);
    await this.call("POST", `/containers/${id}/start`);
    return id;
  }

  /** SIGKILL, as `docker kill`; resolves when the engine has sent it. */
  async kill(id: string): Promise<void> {
    await this.call("POST", `/containers/${id}/kill`);
  }

  async remove(id: string): Promise<void> {
    await this.call("DELETE", `/containers/${id}?force=true`);
  }

  /** A container is killed, has ended, and another is created and started, by nobody but the engine. @returns ms */
  async replaceMs(image: string, command: readonly string[]): Promise<number> {
    const made: string[] = [];
    try {
      const victim = await this.start(image, command);
      made.push(victim);
      const ended = this.call("POST", `/containers/${victim}/wait`);
      const killedAt = performance.now();
      await this.kill(victim);
      await ended;
      made.push(await this.start(image, command));
      return performance.now() - killedAt;
    } finally {
      for (const id of made) await this.remove(id);
    }
  }
}
