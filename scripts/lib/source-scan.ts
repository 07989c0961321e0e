// A small scanner over TypeScript source: tells code from comments and strings, and finds imports. It is no parser; it
// only has to be right about where comments, strings, templates and regular expressions begin and end, so that a word
// in a comment is never taken for code. (The compiler of TypeScript 7 has no JavaScript API to ask.)

export type ImportRef = { readonly specifier: string; readonly typeOnly: boolean; readonly line: number };

type Kind = "code" | "comment" | "string" | "regex";

/** A slash after one of these begins a regular expression, after anything else it divides. */
const REGEX_AFTER =
  /(?:^|[([{,;=:!&|?+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$/;

/**
 * Returns the source with everything that is not code blanked out, newlines kept (so that offsets and line numbers
 * still fit). With `keepStrings` the text of strings and templates stays.
 */
export function codeOnly(source: string, { keepStrings }: { readonly keepStrings: boolean }): string {
  let out = "";
  for (const piece of pieces(source)) {
    const keep = piece.kind === "code" || (keepStrings && piece.kind === "string");
    out += keep ? piece.text : piece.text.replaceAll(/[^\n]/g, " ");
  }
  return out;
}

function* pieces(source: string): Generator<{ kind: Kind; text: string }> {
  // Depth of open braces for each template whose `${` we are inside of.
  const templates: number[] = [];
  let start = 0;
  let at = 0;
  let braces = 0;
  while (at < source.length) {
    const kind = kindAt(source, at, { inTemplateHole: templates.length > 0 && braces === templates.at(-1) });
    if (kind === undefined) {
      if (source[at] === "{") braces += 1;
      if (source[at] === "}") braces -= 1;
      at += 1;
      continue;
    }
    if (at > start) yield { kind: "code", text: source.slice(start, at) };
    if (source[at] === "}") templates.pop();
    const end = endOf(source, at, kind);
    yield { kind, text: source.slice(at, end) };
    if (source[at] === "`" || source[at] === "}") {
      if (source.startsWith("${", end - 2)) templates.push(braces);
    }
    start = end;
    at = end;
  }
  if (at > start) yield { kind: "code", text: source.slice(start, at) };
}

function kindAt(source: string, at: number, where: { readonly inTemplateHole: boolean }): Kind | undefined {
  const char = source[at];
  if (char === '"' || char === "'" || char === "`") return "string";
  if (char === "}" && where.inTemplateHole) return "string";
  if (char !== "/") return undefined;
  const next = source[at + 1];
  if (next === "/" || next === "*") return "comment";
  // Only the last line matters, and within it only a few characters.
  return REGEX_AFTER.test(source.slice(Math.max(0, at - 40), at)) ? "regex" : undefined;
}

function endOf(source: string, at: number, kind: Kind): number {
  if (kind === "comment") {
    const closing = source[at + 1] === "*" ? "*/" : "\n";
    const end = source.indexOf(closing, at + 2);
    if (end < 0) return source.length;
    return closing === "*/" ? end + 2 : end;
  }
  const opening = source[at];
  const closing = opening === "}" ? "`" : opening;
  let inClass = false;
  for (let i = at + 1; i < source.length; i += 1) {
    const char = source[i];
    if (char === "\\") i += 1;
    else if (closing === "`" && char === "$" && source[i + 1] === "{") return i + 2;
    else if (kind === "regex" && char === "[") inClass = true;
    else if (kind === "regex" && char === "]") inClass = false;
    else if (char === closing && !inClass) return i + 1;
    // An unclosed quote ends with its line: the compiler complains about it, the rest of the file stays readable.
    else if (char === "\n" && closing !== "`") return i;
  }
  return source.length;
}

const FROM = /(?:^|[;}\s])(import|export)\s+(type\s+)?([^"';]*?)\bfrom\s*["']([^"']+)["']/g;
const BARE = /(?:^|[;}\s])import\s*["']([^"']+)["']/g;
const DYNAMIC = /(typeof\s+)?\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g;

/** Every module a source names: static and dynamic imports, `export … from`, and `import("…")` types. */
export function importsOf(source: string): ImportRef[] {
  const text = codeOnly(source, { keepStrings: true });
  const refs: ImportRef[] = [];
  const add = (specifier: string | undefined, typeOnly: boolean, offset: number): void => {
    if (specifier !== undefined) refs.push({ specifier, typeOnly, line: lineOf(text, offset) });
  };
  for (const match of text.matchAll(FROM)) {
    const names = match[3] ?? "";
    add(match[4], match[2] !== undefined || allNamesAreTypes(names), match.index + match[0].length - 1);
  }
  for (const match of text.matchAll(BARE)) add(match[1], false, match.index + match[0].length - 1);
  for (const match of text.matchAll(DYNAMIC)) add(match[2], match[1] !== undefined, match.index);
  return refs;
}

/** `import { type A, type B } from` counts as a type import; a default or namespace import does not. */
function allNamesAreTypes(names: string): boolean {
  const inside = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
  if (inside === undefined) return false;
  const list = inside.split(",").filter((name) => name.trim() !== "");
  return list.length > 0 && list.every((name) => /^\s*type\s/.test(name));
}

export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < offset; i = text.indexOf("\n", i + 1)) line += 1;
  return line;
}
