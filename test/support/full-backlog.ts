/** A port that drops SYNs, as a dead host does: its process is stopped and its queue is full. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

export async function fullBacklog(): Promise<{ port: number; close(): void }> {
  const child = spawn(process.execPath, ["-e", LISTEN_ONLY], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  child.kill("SIGSTOP");
  const held = Array.from({ length: 4 }, () => connect({ host: "127.0.0.1", port }).on("error", () => undefined));
  await once(held[0] ?? child, "connect");
  return {
    port,
    close: () => {
      for (const socket of held) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}

const LISTEN_ONLY = `
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () =>
    process.stdout.write(String(server.address().port)));
`;
