// An engine answers nobody: nothing new comes, what runs is left alone, and replaced after 5 minutes.
import { ENGINE_LOST_AFTER_MS } from "../../../src/model/node-loss.ts";
import type { HostNode } from "../../../test/support/host-cluster.ts";
import { Finding } from "./finding.ts";
import { createdAfterMs, idsOf } from "./stage.ts";
import type { Stage } from "./stage.ts";

/** Two pings of 3 s, 2 s apart, and then some. */
const NOTICED_MS = [0, 20_000] as const;
/** Counted from when its agent said so. */
const REPLACED_MS = [ENGINE_LOST_AFTER_MS - 100, ENGINE_LOST_AFTER_MS + 3_000] as const;
const APP = 2;

/** Two steps, between which minutes pass. */
export class FrozenEngine {
  readonly #stage: Stage;
  readonly #node: HostNode;
  readonly #names: { readonly app: string; readonly next: string };
  readonly #frozen = new Finding("engine-not-answering");
  #containers: readonly string[] = [];
  #tasks: readonly string[] = [];
  #since = 0;

  constructor(stage: Stage, node: HostNode, prefix: string) {
    this.#stage = stage;
    this.#node = node;
    this.#names = { app: `${prefix}app`, next: `${prefix}next` };
  }

  async begin(): Promise<void> {
    const [stage, node, { app, next }] = [this.#stage, this.#node, this.#names];
    this.#tasks = idsOf(await stage.create(app, { on: node, replicas: APP }));
    this.#containers = await stage.containers(node, app);
    const frozenAt = Date.now();
    node.host.freezeEngine();
    const status = await stage.until("its agent says so", async () => {
      const { status } = await stage.node(node);
      return status?.engineOk === false ? status : undefined;
    });
    this.#since = status.engineSinceMs;
    this.#frozen.within("noticedMs", this.#since - frozenAt, NOTICED_MS);
    this.#frozen.must("its node is ready all the same", status.state === "READY");
    this.#frozen.note("why", await stage.why(node.name));
    await stage.createAnywhere(next, { on: node });
    this.#frozen.must("a new task goes elsewhere", (await stage.up(next, { on: node })).length === 0);
  }

  /** Waits until it is time. */
  async end(): Promise<Finding> {
    const [stage, node, { app }] = [this.#stage, this.#node, this.#names];
    const leftMs = this.#since + ENGINE_LOST_AFTER_MS - Date.now();
    if (leftMs > 1_000) this.#frozen.same("tasks all the while", idsOf(await stage.tasks(app)), this.#tasks);
    await stage.elsewhere(app, APP, node, Math.max(0, leftMs) + 60_000);
    const standIns = (await stage.tasks(app)).filter(({ replaces }) => replaces !== "");
    this.#frozen.within("replacedMs", createdAfterMs(standIns, this.#since), REPLACED_MS);
    node.host.thawEngine();
    await stage.ready(node);
    await stage.onlyIds(app, this.#tasks);
    this.#frozen.same("containers", await stage.containers(node, app), this.#containers);
    return this.#frozen;
  }
}
