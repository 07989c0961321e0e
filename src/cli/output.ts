/** Tables without borders, as docker prints them; one JSON object a line with --format json. */
import { styleText } from "node:util";

export type Format = "table" | "json";

export class Output {
  readonly format: Format;
  readonly isQuiet: boolean;
  readonly #out: NodeJS.WriteStream;

  constructor(format: Format, isQuiet: boolean, out: NodeJS.WriteStream = process.stdout) {
    this.format = format;
    this.isQuiet = isQuiet;
    this.#out = out;
  }

  get isTerminal(): boolean {
    return this.#out.isTTY;
  }

  get isJson(): boolean {
    return this.format === "json";
  }

  line(text: string): void {
    this.#out.write(`${text}\n`);
  }

  json(value: object): void {
    this.line(JSON.stringify(value));
  }

  /** Text for people; nothing with --format json. */
  say(text: string): void {
    if (!this.isJson) this.line(text);
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
    else for (const row of table(items, columns)) this.line(row);
  }

  color(style: "green" | "yellow" | "red" | "dim" | "bold", text: string): string {
    return this.isTerminal && process.env["NO_COLOR"] === undefined ? styleText(style, text) : text;
  }
}

export type Column<T> = { readonly title: string; readonly value: (item: T) => string };

const GAP = 3;

export function table<T>(items: readonly T[], columns: readonly Column<T>[]): string[] {
  const rows = [
    columns.map((column) => column.title),
    ...items.map((item) => columns.map((column) => column.value(item))),
  ];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd((widths[at] ?? 0) + GAP)))
      .join("")
      .trimEnd(),
  );
}
