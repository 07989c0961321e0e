import { expect } from "chai";
import { registerLocalService, type LocalCalls } from "../../../src/daemon/local-service.ts";
import { rpc, type KeysOf, type RequestInput } from "../../../src/proto/load.ts";
import { Router } from "../../../src/proto/router.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { expectCode } from "../../support/expect-code.ts";

/** Each call is told by its name. */
function served(): { readonly router: Router; readonly told: string[] } {
  const told: string[] = [];
  const calls: LocalCalls = {
    init: () => {
      told.push("init");
      return Promise.resolve({ clusterId: "", nodeId: "", advertise: "", workerToken: "", managerToken: "" });
    },
    join: () => {
      told.push("join");
      return Promise.resolve({ clusterId: "", nodeId: "", role: "worker" });
    },
    leave: () => Promise.resolve(),
    status: () => ({ state: "uninitialized", message: "", identity: null }),
  };
  const router = new Router(silentLogger);
  registerLocalService(router, calls);
  return { router, told };
}

async function call<K extends KeysOf<"unary">>(router: Router, key: K, request: RequestInput<K>): Promise<unknown> {
  const { path, encodeRequest } = rpc(key);
  const context = { caller: { kind: "local" }, signal: new AbortController().signal, deadlineMs: 1000 } as const;
  return await router.dispatchUnary(path, encodeRequest(request), { ...context, forwarded: false });
}

describe("daemon/local-service", () => {
  const refused: ["Daemon.Init" | "Daemon.Join", object, string][] = [
    ["Daemon.Init", { advertise: "10.0.0.1" }, "advertise"],
    ["Daemon.Init", { clusterName: "my cluster" }, "clusterName"],
    ["Daemon.Join", { managers: ["m1:7377"], advertise: "m1:0" }, "advertise"],
    ["Daemon.Join", { managers: ["m1:7377"], name: "w\n1" }, "name"],
    ["Daemon.Join", { managers: ["m1:7377", "m2"] }, "managers[1]"],
  ];
  for (const [key, request, path] of refused) {
    it(`refuses ${key} with ${JSON.stringify(request)} before anything is made, by its field`, async () => {
      const { router, told } = served();
      expect((await expectCode(call(router, key, request), "invalid")).details.path).to.equal(path);
      expect(told).to.deep.equal([]);
    });
  }

  it("leaves to the daemon what is not said", async () => {
    const { router, told } = served();
    await call(router, "Daemon.Init", {});
    await call(router, "Daemon.Join", { managers: ["[fd00::1]:7377"], token: "t" });
    expect(told).to.deep.equal(["init", "join"]);
  });
});
