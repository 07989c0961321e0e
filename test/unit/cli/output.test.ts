import { expect } from "chai";
import { oneLine, Output, table, type Screen, type Style } from "../../../src/cli/output.ts";

type Row = { readonly id: string; readonly text: string };
const rows: Row[] = [
  { id: "a1", text: "first" },
  { id: "b22", text: "" },
];
const columns = [
  { title: "ID", value: ({ id }: Row) => id },
  { title: "TEXT", value: ({ text }: Row) => text, style: (): Style => "red" },
];

function screen(isTTY = false): Screen & { text: string } {
  const made = {
    text: "",
    isTTY,
    write(chunk: string | Uint8Array): void {
      made.text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    },
  };
  return made;
}

describe("cli/output", () => {
  it("lines columns up and leaves no blanks at the end of a line", () => {
    expect(table(rows, columns)).to.deep.equal(["ID    TEXT", "a1    first", "b22"]);
  });

  it("prints the head of an empty table", () => {
    expect(table([], columns)).to.deep.equal(["ID   TEXT"]);
  });

  it("lines columns up as if colors had no width", () => {
    const out = screen(true);
    const wide = [columns[1] ?? columns[0], columns[0]].filter((column) => column !== undefined);
    new Output({ format: "table", out, environment: {} }).list(
      rows,
      wide,
      ({ id }) => id,
      (row) => row,
    );
    expect(out.text.split("\n")).to.deep.equal(["TEXT    ID", "\u001b[31mfirst\u001b[0m   a1", "        b22", ""]);
  });

  it("warns people on standard error, also with --quiet, and programs in the object that it is about", () => {
    const texts = (format: "table" | "json", isQuiet = false): readonly string[] => {
      const [out, err] = [screen(), screen()];
      const output = new Output({ format, out, err, isQuiet, environment: {} });
      output.changed({ id: "n1" }, "node-1", ["No node is left", "two\nlines"]);
      output.changed({ id: "n2" }, "node-2", []);
      return [out.text, err.text];
    };
    const warned = "Warning: No node is left\nWarning: two lines\n";
    expect(texts("table")).to.deep.equal(["node-1\nnode-2\n", warned]);
    expect(texts("table", true)).to.deep.equal(["node-1\nnode-2\n", warned]);
    const [first, second] = ['{"id":"n1","warnings":["No node is left","two\\nlines"]}', '{"id":"n2"}'];
    expect(texts("json")).to.deep.equal([`${first}\n${second}\n`, ""]);
  });

  it("lets no container's words break the table or repaint the terminal", () => {
    expect(oneLine("a\nb\t c\u001b[31m\u0007")).to.equal("a b c[31m");
  });

  it("leaves the decoder's marks of presence out of JSON, and keeps labels that look like them", () => {
    const out = screen();
    const json = new Output({ format: "json", out });
    json.json({ delayMs: 0, _delayMs: "delayMs", labels: { _a: "a", _b: "c", b: "1" } });
    expect(out.text).to.equal('{"delayMs":0,"labels":{"_a":"a","_b":"c","b":"1"}}\n');
  });

  it("prints one object a line as JSON, and ids alone when quiet", () => {
    const json = screen();
    new Output({ format: "json", out: json }).list(
      rows,
      columns,
      ({ id }) => id,
      (row) => row,
    );
    expect(json.text).to.equal('{"id":"a1","text":"first"}\n{"id":"b22","text":""}\n');
    const quiet = screen();
    new Output({ format: "json", isQuiet: true, out: quiet }).list(
      rows,
      columns,
      ({ id }) => id,
      (row) => row,
    );
    expect(quiet.text).to.equal("a1\nb22\n");
  });

  const painted: [string, boolean, Record<string, string>, boolean][] = [
    ["on a terminal", true, {}, true],
    ["not into a pipe", false, {}, false],
    ["not where NO_COLOR is set", true, { NO_COLOR: "1" }, false],
    ["on a terminal where NO_COLOR is empty", true, { NO_COLOR: "" }, true],
    ["not on a dumb terminal", true, { TERM: "dumb" }, false],
  ];
  for (const [when, isTTY, environment, isColored] of painted) {
    it(`colors ${when}`, () => {
      const out = new Output({ format: "table", out: screen(isTTY), environment });
      expect(out.painter(out.out)("green", "x")).to.equal(isColored ? "\u001b[32mx\u001b[0m" : "x");
    });
  }

  it("keeps answers on standard output and hints beside it", () => {
    const [out, err] = [screen(), screen()];
    const output = new Output({ format: "table", out, err });
    output.say("id");
    output.note("hint");
    expect([out.text, err.text]).to.deep.equal(["id\n", "hint\n"]);
  });

  it("gives programs neither words nor hints", () => {
    const [out, err] = [screen(), screen()];
    const output = new Output({ format: "json", out, err });
    output.say("id");
    output.note("hint");
    output.inspect({ a: 1 });
    expect([out.text, err.text]).to.deep.equal(['{"a":1}\n', ""]);
  });
});
