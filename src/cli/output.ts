/**
 * What commands write. Standard output has the answer: tables without borders as docker prints
 * them, one JSON object a line with --format json, ids alone with --quiet. Progress and hints go to
 * standard error, so that `ID=$(shoal service create ...)` holds an id and nothing else.
 */
import { asCalled } from "./as-called.ts";

export type Format = "table" | "json";
export type Style = "green" | "yellow" | "red" | "dim" | "bold";

/** The part of a stream that is used; a test gives its own. */
export type Screen = {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
};

export type OutputOptions = {
  readonly format: Format;
  readonly isQuiet?: boolean;
  readonly out?: Screen;
  readonly err?: Screen;
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

const SGR: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

export class Output {
  readonly format: Format;
  readonly isQuiet: boolean;
  readonly out: Screen;
  readonly err: Screen;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor({
    format,
    isQuiet = false,
    out = process.stdout,
    err = process.stderr,
    environment = process.env,
  }: OutputOptions) {
    this.format = format;
    this.isQuiet = isQuiet;
    this.out = out;
    this.err = err;
    this.#environment = environment;
  }

  get isJson(): boolean {
    return this.format === "json";
  }

  line(text: string): void {
    this.out.write(`${text}\n`);
  }

  json(value: object): void {
    this.line(JSON.stringify(value, withoutPresence));
  }

  /** An answer for people; nothing with --format json. */
  say(text: string): void {
    if (!this.isJson) this.line(asCalled(text, this.#environment));
  }

  /** A hint beside the answer; nothing for programs. */
  note(text: string): void {
    if (!this.isJson && !this.isQuiet) this.err.write(`${asCalled(text, this.#environment)}\n`);
  }

  /**
   * The object that a change came to, with what the manager warns of: on standard error for people, also with --quiet,
   * in the object for programs.
   */
  changed(object: object, said: string, warnings: readonly string[]): void {
    this.say(said);
    if (this.isJson) this.json(warnings.length === 0 ? object : { ...object, warnings });
    else this.warn(warnings);
  }

  warn(warnings: readonly string[]): void {
    const paint = this.painter(this.err);
    for (const text of warnings) {
      this.err.write(`${paint("yellow", "Warning:")} ${asCalled(oneLine(text), this.#environment)}\n`);
    }
  }

  /** An object in full: indented for people, one line for programs. */
  inspect(value: object): void {
    this.line(JSON.stringify(value, withoutPresence, this.isJson ? 0 : 2));
  }

  /** Rows for people, objects for programs, ids with --quiet. */
  list<T extends object>(
    items: readonly T[],
    columns: readonly Column<T>[],
    id: (item: T) => string,
    toJson: (item: T) => object,
  ): void {
    if (this.isQuiet) for (const item of items) this.line(id(item));
    else if (this.isJson) for (const item of items) this.json(toJson(item));
    else for (const row of table(items, columns, this.painter(this.out))) this.line(row);
  }

  /** Colors on a terminal only, and not where NO_COLOR (no-color.org) or a dumb terminal asks for none. */
  painter(screen: Screen): Painter {
    const { NO_COLOR: none = "", TERM: term = "" } = this.#environment;
    const isColored = screen.isTTY === true && none === "" && term !== "dumb";
    return (style, text) =>
      isColored && style !== null && text !== "" ? `\u001b[${SGR[style]}m${text}\u001b[0m` : text;
  }
}

/**
 * Leaves out what the decoder puts beside an optional field that is set: `_delayMs: "delayMs"` says
 * nothing that `delayMs` does not. A label with such a name is kept unless it says just that.
 */
function withoutPresence(this: unknown, key: string, value: unknown): unknown {
  const isPresence = key.startsWith("_") && value === key.slice(1);
  const owner = typeof this === "object" && this !== null ? this : {};
  return isPresence && Object.hasOwn(owner, key.slice(1)) ? undefined : value;
}

export type Painter = (style: Style | null, text: string) => string;

export type Column<T> = {
  readonly title: string;
  readonly value: (item: T) => string;
  readonly style?: (item: T) => Style | null;
};

const GAP = 3;
const plain: Painter = (_, text) => text;

export function table<T>(items: readonly T[], columns: readonly Column<T>[], paint: Painter = plain): string[] {
  const cells = items.map((item) => columns.map((column) => oneLine(column.value(item))));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const pad = (text: string, at: number): string =>
    at === columns.length - 1 ? "" : " ".repeat((widths[at] ?? 0) - text.length + GAP);
  const head = columns.map(({ title }, at) => title + pad(title, at)).join("");
  const rows = items.map((item, row) =>
    columns
      .map(({ style }, at) => {
        const text = cells[row]?.[at] ?? "";
        return paint(style?.(item) ?? null, text) + pad(text, at);
      })
      .join("")
      .trimEnd(),
  );
  return [head.trimEnd(), ...rows];
}

/** A container's own words may hold line ends and escape sequences: neither may break or repaint the table. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "");
}
