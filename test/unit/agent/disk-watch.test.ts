import { expect } from "chai";
import { COLLECT_EVERY_MS, DISK_LOOK_MS, DiskWatch } from "../../../src/agent/disk-watch.ts";
import { unusedImages } from "../../../src/agent/executor/docker/unused-images.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { Sim } from "../../support/sim-env.ts";

class Rig {
  readonly sim = new Sim(1);
  readonly used = new Map([
    ["/var/lib/shoal", 0.5],
    ["/var/lib/docker", 0.5],
  ]);
  /** Times of collections. */
  readonly collected: number[] = [];
  freed = 0;
  changes = 0;
  onChange = (): void => undefined;
  readonly watch: DiskWatch;

  constructor() {
    const env = this.sim.env("agent");
    this.watch = new DiskWatch({
      env,
      log: silentLogger,
      disks: () =>
        [...this.used].map(([path, used]) => ({
          path,
          probe: async () => {
            if (used < 0) throw new Error("no such directory");
            return { freeBytes: (1 - used) * 1000, totalBytes: 1000 };
          },
        })),
      collect: async () => {
        this.collected.push(this.sim.now);
        this.used.set("/var/lib/docker", (this.used.get("/var/lib/docker") ?? 0) - this.freed);
        return this.freed > 0 ? 1 : 0;
      },
      onChange: () => {
        this.changes += 1;
        this.onChange();
      },
    });
  }
}

describe("agent/disk-watch", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = new Rig();
    rig.watch.start();
    await rig.sim.run(1000);
  });
  afterEach(async () => {
    await rig.sim.resolve(rig.watch.stop(), { timeoutMs: 1000, what: "stop" });
  });

  it("does nothing while there is room, and where it cannot look", async () => {
    rig.used.set("/var/lib/docker", 0.89);
    rig.used.set("/other/machine", -1);
    await rig.sim.run(10 * DISK_LOOK_MS);
    expect([rig.collected, rig.watch.fullPaths, rig.changes]).to.deep.equal([[], [], 0]);
  });

  it("collects unused images from 90 % on, not more than once a minute, and refuses nothing for it", async () => {
    rig.used.set("/var/lib/docker", 0.92);
    await rig.sim.run(COLLECT_EVERY_MS + 2 * DISK_LOOK_MS);
    expect(rig.collected).to.have.length(2);
    expect(rig.collected[1]! - rig.collected[0]!).to.be.at.least(COLLECT_EVERY_MS);
    expect(rig.watch.fullPaths).to.deep.equal([]);
  });

  it("says which paths fill up although images were collected, until some more is free", async () => {
    const looked = async (used: number): Promise<unknown> => {
      rig.used.set("/var/lib/docker", used);
      await rig.sim.run(DISK_LOOK_MS);
      return [rig.watch.fillingPaths, rig.watch.fullPaths, rig.changes];
    };
    const docker = ["/var/lib/docker"];
    expect(await looked(0.91)).to.deep.equal([docker, [], 1]);
    expect(await looked(0.89), "at the edge it is the same").to.deep.equal([docker, [], 1]);
    expect(await looked(0.96)).to.deep.equal([docker, docker, 2]);
    expect(await looked(0.94), "at the other edge too").to.deep.equal([docker, docker, 2]);
    expect(await looked(0.92)).to.deep.equal([docker, [], 3]);
    expect(await looked(0.87)).to.deep.equal([[], [], 4]);
  });

  it("names the paths that are full from 95 % on, until there is room", async () => {
    rig.used.set("/var/lib/docker", 0.96);
    await rig.sim.run(DISK_LOOK_MS);
    expect([rig.watch.fullPaths, rig.changes]).to.deep.equal([["/var/lib/docker"], 1]);
    rig.used.set("/var/lib/docker", 0.8);
    await rig.sim.run(DISK_LOOK_MS);
    expect([rig.watch.fullPaths, rig.changes]).to.deep.equal([[], 2]);
  });

  it("says what is full before it collects for the first time, and afterwards what is left of it", async () => {
    await rig.sim.resolve(rig.watch.stop(), { timeoutMs: 1000, what: "stop" });
    rig = new Rig();
    rig.used.set("/var/lib/docker", 0.96);
    rig.freed = 0.02;
    const docker = ["/var/lib/docker"];
    const told: unknown[] = [];
    rig.onChange = () => void told.push([rig.collected.length, rig.watch.fullPaths, rig.watch.fillingPaths]);
    rig.watch.start();
    await rig.sim.run(1000);
    expect(told).to.deep.equal([
      [0, docker, docker],
      [1, [], docker],
    ]);
  });

  it("refuses nothing where collecting made room", async () => {
    rig.freed = 0.3;
    rig.used.set("/var/lib/docker", 0.97);
    await rig.sim.run(DISK_LOOK_MS);
    expect([rig.collected.length, rig.watch.fullPaths, rig.watch.fillingPaths]).to.deep.equal([1, [], []]);
    expect(rig.changes).to.equal(0);
  });
});

describe("agent/executor/docker/unused-images", () => {
  it("takes what no container uses and a registry has, by name where it has names", () => {
    const image = (Id: string, RepoTags: string[] | null, RepoDigests: string[] | null): unknown => ({
      Id,
      RepoTags,
      RepoDigests,
    });
    const images = [
      image("used", ["nginx:1"], ["nginx@sha256:1"]),
      image("built", ["mine:1"], null),
      image("two", ["redis:6", "redis:latest"], ["redis@sha256:2"]),
      image("bare", ["<none>:<none>"], ["old@sha256:3"]),
    ] as Parameters<typeof unusedImages>[0];
    expect(unusedImages(images, new Set(["used"]))).to.deep.equal(["redis:6", "redis:latest", "bare"]);
  });
});
