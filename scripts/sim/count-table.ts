// How often each thing happened, in columns; what never did stands out.
const COLUMNS = 4;

export function countTable(counts: Readonly<Record<string, number>>): string {
  const cells = Object.entries(counts).map(([name, n]) => `${name} ${n === 0 ? "NEVER" : n}`);
  const width = Math.max(...cells.map((cell) => cell.length)) + 2;
  const rows = Math.ceil(cells.length / COLUMNS);
  return Array.from({ length: rows }, (_, row) =>
    cells
      .filter((_cell, at) => at % rows === row)
      .map((cell) => cell.padEnd(width))
      .join("")
      .trimEnd(),
  ).join("\n");
}
