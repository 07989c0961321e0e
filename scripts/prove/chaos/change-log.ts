// The log of changes, put together from what any number of witnesses say of parts of it. A watcher that was told
// everything after version 10 up to version 20 is a witness of that part: of what is there, and that nothing else is.
// Pure, so that it can be tried on known-bad evidence.

export type Action = "CREATED" | "UPDATED" | "REMOVED";
export type ServiceChange = {
  readonly action: Action;
  readonly id: string;
  readonly name: string;
  readonly value: string;
};

/** All that one entry changed. */
export type ChangeGroup = { readonly version: number; readonly changes: readonly ServiceChange[] };

/** `groups` are all there is after `from` up to `to`, as `witness` says. */
export type Testimony = {
  readonly witness: string;
  readonly from: number;
  readonly to: number;
  readonly groups: readonly ChangeGroup[];
};

/** Services by id, at a version. */
export type Snapshot = {
  readonly witness: string;
  readonly version: number;
  readonly services: ReadonlyMap<string, Row>;
};
export type Row = { readonly name: string; readonly value: string; readonly version: number };

export class ChangeLog {
  readonly #groups = new Map<number, ChangeGroup>();
  readonly #from: number;
  readonly #base: Snapshot;
  #to: number;
  readonly problems: string[] = [];

  /** @param base the state it begins from */
  constructor(base: Snapshot, testimonies: readonly Testimony[]) {
    this.#base = base;
    this.#from = base.version;
    this.#to = base.version;
    const first = new Map<number, string>();
    for (const testimony of testimonies) this.#take(testimony, first);
    for (const testimony of testimonies) this.#compare(testimony);
    for (const { from, to } of testimonies.toSorted((a, b) => a.from - b.from)) {
      if (from <= this.#to && to > this.#to) this.#to = to;
    }
  }

  /** Up to here every part has a witness. */
  get to(): number {
    return this.#to;
  }

  get groups(): readonly ChangeGroup[] {
    return [...this.#groups.values()].toSorted((a, b) => a.version - b.version);
  }

  at(version: number): ChangeGroup | undefined {
    return this.#groups.get(version);
  }

  #take({ witness, from, to, groups }: Testimony, first: Map<number, string>): void {
    let last = from;
    for (const group of groups) {
      const { version } = group;
      if (version <= last) this.problems.push(`${witness} was told version ${version} after ${last}`);
      last = Math.max(last, version);
      const known = this.#groups.get(version);
      if (known === undefined) {
        this.#groups.set(version, group);
        first.set(version, witness);
      } else if (JSON.stringify(known.changes) !== JSON.stringify(group.changes)) {
        const [one, other] = [JSON.stringify(known.changes), JSON.stringify(group.changes)];
        this.problems.push(`version ${version} is ${one} to ${first.get(version) ?? ""} and ${other} to ${witness}`);
      }
    }
    if (last > to) this.problems.push(`${witness} was told version ${last} beyond ${to}`);
  }

  /** Whoever was told everything was told what anybody was told. */
  #compare({ witness, from, to, groups }: Testimony): void {
    const told = new Set(groups.map(({ version }) => version));
    for (const version of this.#groups.keys()) {
      if (version > from && version <= to && !told.has(version)) {
        this.problems.push(`${witness} was not told version ${version}, between ${from} and ${to}`);
      }
    }
  }

  /** The state at a version, by the log alone. */
  stateAt(version: number): Map<string, Row> {
    const state = new Map(this.#base.services);
    for (const group of this.groups) {
      if (group.version <= this.#from || group.version > version) continue;
      for (const { action, id, name, value } of group.changes) {
        if (action === "REMOVED") state.delete(id);
        else state.set(id, { name, value, version: group.version });
      }
    }
    return state;
  }

  /** What speaks against a snapshot; null if nothing does, or if it is beyond what the log covers. */
  against({ witness, version, services }: Snapshot): string | null {
    if (version < this.#from || version > this.#to) return null;
    const expected = this.stateAt(version);
    const ids = new Set([...expected.keys(), ...services.keys()]);
    for (const id of ids) {
      const [is, should] = [JSON.stringify(services.get(id)), JSON.stringify(expected.get(id))];
      if (is !== should)
        return `${witness} has at version ${version} for ${id} ${is ?? "nothing"}, the log ${should ?? "nothing"}`;
    }
    return null;
  }
}
