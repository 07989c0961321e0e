/**
 * What becomes of a host's packets, as a set of rules in its network namespace: dropped in one direction or both, to and
 * from some peers or all, or answered with a reset. The kernel keeps connections of dropped packets open on both sides.
 */
import { runOk } from "../../scripts/lib/run.ts";

export type PacketRule = {
  /** `in`: what comes from the peers. */
  readonly direction: "in" | "out" | "both";
  /** Addresses; none is everybody. */
  readonly peers: readonly string[];
  /** `drop`: lost. `drop-new`: connections that exist go on, new ones get no answer. `reset`: RST to its sender. */
  readonly what: "drop" | "drop-new" | "reset";
};

const MATCH = {
  drop: "-j DROP",
  "drop-new": "-p tcp --syn -j DROP",
  reset: "-p tcp -j REJECT --reject-with tcp-reset",
};

/** For iptables-restore, which replaces everything at once. */
export function formatRules(rules: Iterable<PacketRule>): string {
  const lines = [...rules].flatMap(({ direction, peers, what }) => {
    const places = peers.length === 0 ? [""] : peers;
    return places.flatMap((peer) => [
      ...(direction === "out" ? [] : [`-A INPUT${peer === "" ? "" : ` -s ${peer}`} ${MATCH[what]}`]),
      ...(direction === "in" ? [] : [`-A OUTPUT${peer === "" ? "" : ` -d ${peer}`} ${MATCH[what]}`]),
    ]);
  });
  const chains = [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"];
  return ["*filter", ...chains, ...lines, "COMMIT", ""].join("\n");
}

export class PacketFilter {
  readonly #inside: (command: readonly string[]) => string[];
  readonly #rules = new Set<PacketRule>();
  #applying: Promise<unknown> = Promise.resolve();

  /** @param inside makes a command run in the host's network */
  constructor(inside: (command: readonly string[]) => string[]) {
    this.#inside = inside;
  }

  /** @returns what ends it */
  async add(rule: PacketRule): Promise<() => Promise<void>> {
    this.#rules.add(rule);
    await this.#apply();
    return async () => {
      if (this.#rules.delete(rule)) await this.#apply();
    };
  }

  async #apply(): Promise<void> {
    const applied = this.#applying.then(async () => {
      const input = formatRules(this.#rules);
      await runOk(this.#inside(["iptables-restore", "-w"]), { input });
    });
    this.#applying = applied.catch(() => undefined);
    await applied;
  }
}
