import { expect } from "chai";
import { request } from "node:http";
import { inspect } from "node:util";
import { PlainAgent } from "../../../../../src/agent/executor/docker/engine-client.ts";

describe("agent/executor/docker/engine-client", () => {
  it("costs the library's debug text nothing, however many calls are under way", () => {
    const agent = new PlainAgent({ keepAlive: true, maxSockets: 1 });
    const calls = [1, 2, 3].map(() => request({ agent, host: "127.0.0.1", port: 1 }).on("error", () => undefined));
    // As docker-modem does before every request.
    expect(inspect({ agent }, { showHidden: true, depth: null })).to.equal("{ agent: Agent }");
    for (const call of calls) call.destroy();
    agent.destroy();
  });
});
