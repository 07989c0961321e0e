/**
 * Properties over whole random histories: services come, change and go, nodes fall silent, come back,
 * drain and leave, tasks fail, leaders change. Afterwards everything settles.
 */
import { expect } from "chai";
import fc from "fast-check";
import { planOf } from "../../../../src/manager/orchestrator/plan.ts";
import { freeOf } from "../../../../src/manager/scheduler/load-filter.ts";
import { bookOf } from "../../../../src/manager/scheduler/scheduler.ts";
import { isActive, isFinished, paused, promoted, resumed } from "../../../../src/model/rollout.ts";
import { reservationsOf } from "../../../../src/model/resources.ts";
import { compareStates, holdsResources, isReady, isTerminal, isWanted } from "../../../../src/model/task-state.ts";
import type { Task } from "../../../../src/model/index.ts";
import { slotName } from "../../../../src/model/naming.ts";
import { modeOf } from "../../../../src/model/service-mode.ts";
import type { Change } from "../../../../src/store/types.ts";
import { GLOBAL, node, service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

const NODES = ["n1", "n2", "n3", "n4"] as const;
const SERVICES = ["web", "api"] as const;

const nodeId = fc.constantFrom(...NODES);
const serviceId = fc.constantFrom(...SERVICES);
const action = fc.oneof(
  fc.record({
    kind: fc.constant("service" as const),
    id: serviceId,
    replicas: fc.integer({ min: 0, max: 5 }),
    image: fc.constantFrom("x:1", "x:2"),
    order: fc.constantFrom("STOP_FIRST" as const, "START_FIRST" as const),
    parallelism: fc.integer({ min: 0, max: 3 }),
    failureAction: fc.constantFrom("ROLLBACK" as const, "PAUSE" as const, "CONTINUE" as const),
    canary: fc.constantFrom(0, 0, 1),
    memoryMiB: fc.constantFrom(0, 100, 300),
    port: fc.boolean(),
    delayMs: fc.constantFrom(0, 2000),
    isGlobal: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("remove" as const), id: serviceId }),
  fc.record({ kind: fc.constant("lose" as const), id: nodeId }),
  fc.record({ kind: fc.constant("return" as const), id: nodeId }),
  fc.record({ kind: fc.constant("drain" as const), id: nodeId }),
  fc.record({ kind: fc.constant("activate" as const), id: nodeId }),
  fc.record({ kind: fc.constant("leave" as const), id: nodeId }),
  fc.record({ kind: fc.constant("unreachable" as const), id: nodeId }),
  fc.record({ kind: fc.constant("delete" as const), id: nodeId }),
  fc.record({ kind: fc.constant("join" as const), id: nodeId }),
  fc.record({ kind: fc.constant("fail" as const), nth: fc.nat(20) }),
  fc.record({ kind: fc.constant("leader" as const) }),
  fc.record({ kind: fc.constant("steer" as const), id: serviceId, how: fc.constantFrom("pause", "resume", "promote") }),
  fc.record({ kind: fc.constant("back" as const), id: serviceId }),
  fc.record({ kind: fc.constant("stale" as const), id: nodeId }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
const script = fc.array(fc.tuple(action, fc.constantFrom(0, 1, 30, 700, 3000)), { maxLength: 25 });

async function perform(world: World, step: Action): Promise<void> {
  const exists = "id" in step && world.tx.get("node", step.id) !== undefined;
  switch (step.kind) {
    case "service": {
      const { id, replicas, image, order, parallelism, memoryMiB, port, delayMs, failureAction, canary } = step;
      // A service's mode is fixed: what it was created with it keeps.
      const isGlobal = modeOf(world.tx.get("service", id)?.spec ?? (step.isGlobal ? GLOBAL : null)) === "global";
      const mode = isGlobal ? { mode: GLOBAL } : {};
      const ports = port ? [{ published: id === "web" ? 80 : 81 }] : [];
      const task = spec({ image, memoryMiB, ports, restart: { delayMs } });
      return world.putService(
        service(id, { replicas, order, parallelism, update: { failureAction, canary }, task, ...mode }),
      );
    }
    case "remove":
      return world.removeService(step.id);
    case "lose":
      return exists ? world.loseNode(step.id) : undefined;
    case "return":
      return exists ? world.returnNode(step.id) : undefined;
    case "drain":
      return exists ? world.changeNode(step.id, { availability: "DRAIN" }) : undefined;
    case "activate":
      return exists ? world.changeNode(step.id, { availability: "ACTIVE" }) : undefined;
    case "leave":
      return exists ? world.changeNode(step.id, { state: "LEFT" }) : undefined;
    case "unreachable":
      return exists ? world.changeNode(step.id, { state: "UNREACHABLE" }) : undefined;
    case "stale":
      return exists
        ? world.changeNode(step.id, { agentEpoch: world.tx.get("node", step.id)!.status!.agentEpoch + 1 })
        : undefined;
    case "delete":
      return exists ? world.removeNode(step.id) : undefined;
    case "join":
      return exists ? undefined : world.putNode(node(step.id, { memoryMiB: 1000 }));
    case "fail": {
      const running = SERVICES.flatMap((id) => world.running(id));
      const victim = running[step.nth % Math.max(1, running.length)];
      return victim === undefined ? undefined : world.fail(victim.id);
    }
    case "leader":
      return world.changeLeader();
    case "steer":
      return steer(world, step.id, step.how);
    case "back": {
      const { rollout, revision } = world.tx.get("service", step.id) ?? {};
      const isKept = rollout && world.tx.get("revision", `${step.id}/${rollout.from}`) !== undefined;
      return isKept && rollout.from !== revision ? world.rollBack(rollout.from, step.id) : undefined;
    }
  }
}

function steer(world: World, id: string, how: string): void {
  const rollout = world.tx.get("service", id)?.rollout;
  if (!rollout || isFinished(rollout.state)) return;
  if (how === "pause" && isActive(rollout.state)) world.steer((before) => paused(before, "by hand"), id);
  if (how === "resume" && !isActive(rollout.state)) world.steer(resumed, id);
  if (how === "promote" && rollout.state === "CANARY") world.steer(promoted, id);
}

/** What no single change may do, whatever led to it. */
function checkChanges(world: World, changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.table !== "task" || change.after === undefined) continue;
    const { before, after } = change;
    if (before !== undefined) {
      expect(compareStates(after.desired, before.desired), "desired state rises").to.be.at.least(0);
      expect(compareStates(after.status!.state, before.status!.state), "observed state rises").to.be.at.least(0);
      if (before.nodeId !== "") expect(after.nodeId, "an assignment is final").to.equal(before.nodeId);
    }
    expect(after.cause?.reason ?? "", "a change says why").not.to.equal("");
    if (after.pinnedNodeId !== "" && isWanted(after)) {
      const same = world.tx
        .find("task", "slot", `${after.serviceId}/${slotName(after)}`)
        .filter((task) => isWanted(task) && !isTerminal(task.status!.state) && task.revision === after.revision);
      expect(same.length, "a node has one task of a global service's revision").to.be.at.most(1);
    }
    if (after.nodeId === "" || before?.nodeId === after.nodeId) continue;
    const target = world.tx.get("node", after.nodeId)!;
    expect([target.status!.state, target.spec!.availability], "placed on a usable node").to.deep.equal([
      "READY",
      "ACTIVE",
    ]);
    checkRoom(world, after.nodeId);
  }
}

/** What waits for its slot's old task takes that one's room: of both the larger counts. */
function checkRoom(world: World, nodeId: string): void {
  const info = bookOf(world.tx).get(nodeId)!;
  const held = world.tx.find("task", "node", nodeId).filter(holdsResources);
  const waiting = held.filter(
    (task) => task.desired === "READY" && held.some((other) => other !== task && isSameSlot(other, task)),
  );
  let free = freeOf(info, "memory");
  for (const task of waiting) {
    const others = held.filter((other) => other !== task && isSameSlot(other, task));
    free += Math.min(
      reservedOf(world, task),
      others.reduce((sum, other) => sum + reservedOf(world, other), 0),
    );
  }
  expect(free, "placed within memory").to.be.at.least(0);
  const waits = new Set(waiting.map(({ id }) => id));
  for (const holders of info.engine.ports.values()) {
    expect([...holders.keys()].filter((id) => !waits.has(id)).length, "a host port has one holder").to.be.at.most(1);
  }
}

function reservedOf(world: World, task: Task): number {
  return reservationsOf(world.tx.get("revision", `${task.serviceId}/${task.revision}`)?.spec).memoryBytes;
}

function isSameSlot(a: Task, b: Task): boolean {
  return a.serviceId === b.serviceId && slotName(a) === slotName(b);
}

function checkSettled(world: World): void {
  for (const id of SERVICES) {
    const current = world.tx.get("service", id);
    const plan = planOf(world.tx, id);
    if (current === undefined) {
      expect(world.tasks(id), `${id} leaves no task`).to.have.length(0);
      expect(plan.steps).to.deep.equal([]);
      continue;
    }
    expect(plan.steps, `the plan of ${id} is empty`).to.deep.equal([]);
    const wanted = world.tasks(id).filter((task) => isWanted(task) && !isTerminal(task.status!.state));
    // What no node has room for takes over from the one that serves its slot once there is, and says what it waits for.
    const slots = wanted.filter((task) => !waitsForRoomBeside(task, wanted)).map(slotName);
    expect(slots, `${id} has one wanted task a slot`).to.have.length(new Set(slots).size);
    expect(slots.length).to.equal(current.spec!.replicated?.replicas ?? NODES.length);
    for (const task of wanted) {
      if (task.nodeId === "") expect(task.pendingReason).not.to.equal("");
      else expect(isReady(task), `${task.id} runs`).to.equal(true);
    }
  }
}

function waitsForRoomBeside(task: Task, wanted: readonly Task[]): boolean {
  if (task.desired !== "READY" || task.nodeId !== "" || task.pendingReason === "") return false;
  return wanted.some((other) => other !== task && isSameSlot(other, task) && isReady(other));
}

describe("manager/orchestrator and scheduler: convergence", () => {
  it("from any history everything settles: one healthy task a slot, an empty plan, nothing placed wrongly", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(script, fc.nat(1000), async (steps, seed) => {
        const world = new World(seed);
        let failure: unknown = null;
        const check = world.store.onSpeculative((changes) => {
          try {
            checkChanges(world, changes);
          } catch (error) {
            failure ??= error;
          }
        });
        for (const id of NODES) world.putNode(node(id, { memoryMiB: 1000 }));
        for (const [step, ms] of steps) {
          await perform(world, step);
          await world.run(ms);
        }
        // All nodes come back, agents report, delays pass.
        for (const id of NODES) {
          if (world.tx.get("node", id) === undefined) world.putNode(node(id, { memoryMiB: 1000 }));
          world.changeNode(id, { availability: "ACTIVE" });
          world.returnNode(id);
        }
        await world.run(300_000);
        // Whoever waits for a word gets it.
        for (const how of ["resume", "promote"]) for (const id of SERVICES) steer(world, id, how);
        await world.run(300_000);
        check();
        if (failure !== null) throw failure as Error;
        checkSettled(world);
        await world.stopLoops();
      }),
      { numRuns: Number(process.env["SHOAL_TEST_RUNS"] ?? 100) },
    );
  });

  it("writes nothing more once it has settled", async () => {
    const world = new World();
    for (const id of NODES) world.putNode(node(id));
    world.putService(service("web", { replicas: 5 }));
    await world.run(60_000);
    const version = world.log.last;
    await world.run(600_000);
    expect(world.log.last).to.equal(version);
    await world.stopLoops();
  });
});
