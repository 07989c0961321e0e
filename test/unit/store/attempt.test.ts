import { expect } from "chai";
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeLog, ManualEnv } from "../../support/store/fake-log.ts";
import { aTask } from "../../support/store/objects.ts";

describe("store/tx: attempts", () => {
  it("undoes what an attempt wrote that throws, and nothing of what else the transaction wrote", async () => {
    const log = new FakeLog();
    const store = new Store({ env: new ManualEnv(), codec: protoStoreCodec }, { freezeRows: true });
    store.setProposer(log);
    store.leadershipGained(log.term);
    const first = store.update((tx) => tx.put("task", aTask({ id: "old", serviceId: "s1" })));
    store.apply(log.take());
    await first;
    const done = store.update((tx) => {
      tx.put("task", aTask({ id: "t1", serviceId: "s1", slot: 1 }));
      const attempt = (): void =>
        tx.attempt(() => {
          tx.by("user:ada");
          tx.put("task", aTask({ id: "t1", slot: 9 }));
          tx.put("task", aTask({ id: "t2", serviceId: "s1" }));
          tx.remove("task", "old");
          throw new Error("a bug");
        });
      expect(attempt).to.throw("a bug");
      expect(tx.get("task", "t2")).to.equal(undefined);
      expect(tx.get("task", "old")?.id).to.equal("old");
      expect(tx.find("task", "service", "s1").map(({ id, slot }) => [id, slot])).to.deep.equal([
        ["old", 0],
        ["t1", 1],
      ]);
      tx.attempt(() => tx.put("task", aTask({ id: "t1", slot: 2 })));
      tx.put("task", aTask({ id: "t3" }));
    });
    store.apply(log.take());
    await done;
    const rows = [...store.view().all("task")].map(({ id, slot }) => [id, slot]);
    expect(rows).to.deep.equal([
      ["old", 0],
      ["t1", 2],
      ["t3", 0],
    ]);
  });
});
