/**
 * Writes src/proto/gen/codecs.ts: for every message of proto/ a function that writes a plain object as protobuf and
 * one that reads it, in the shapes that proto-loader gives with the options of src/proto/load.ts. Part of `npm run gen`.
 */
import protobuf from "protobufjs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = "shoal.v1";
const VARINT = 0;
const FIXED_64 = 1;
const DELIMITED = 2;

/** How a scalar is read and written, what it is when absent, and how to tell that it is. */
type Scalar = { readonly wire: number; readonly method: string; readonly reader: string; readonly absent: string };

const SCALARS: Readonly<Record<string, Scalar>> = {
  string: { wire: DELIMITED, method: "text", reader: "text", absent: '""' },
  bytes: { wire: DELIMITED, method: "bytes", reader: "bytes", absent: "EMPTY" },
  bool: { wire: VARINT, method: "bool", reader: "bool", absent: "false" },
  uint32: { wire: VARINT, method: "uint", reader: "small", absent: "0" },
  uint64: { wire: VARINT, method: "uint", reader: "uint", absent: "0" },
  int32: { wire: VARINT, method: "int", reader: "int32", absent: "0" },
  int64: { wire: VARINT, method: "int", reader: "int", absent: "0" },
  double: { wire: FIXED_64, method: "double", reader: "double", absent: "0" },
};

export function writeCodecs(files: readonly string[], out: string): void {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    join(target.startsWith("google/") ? "node_modules/protobufjs" : "proto", target);
  root.loadSync([...files]);
  root.resolveAll();
  const generator = new Generator();
  visit(root.lookup(PACKAGE) as protobuf.Namespace, generator);
  writeFileSync(out, generator.text());
}

function visit(namespace: protobuf.Namespace, generator: Generator): void {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Type) generator.message(nested);
    if (nested instanceof protobuf.Enum) generator.enumeration(nested);
    if (nested instanceof protobuf.Namespace) visit(nested, generator);
  }
}

class Generator {
  readonly #imports = new Map<string, Set<string>>();
  readonly #enums: string[] = [];
  readonly #functions: string[] = [];
  readonly #names: string[] = [];

  enumeration(type: protobuf.Enum): void {
    const constant = enumName(type);
    const entries = Object.entries(type.values);
    this.#enums.push(
      `const ${constant} = { ${entries.map(([name, number]) => `${name}: ${number}`).join(", ")} } as const;`,
      `const ${constant}_NAMES = new Map<number, keyof typeof ${constant}>([${entries.map(([name, number]) => `[${number}, "${name}"]`).join(", ")}]);`,
    );
  }

  message(type: protobuf.Type): void {
    const name = typeName(type);
    if (type.parent?.fullName === `.${PACKAGE}`) this.#names.push(type.name);
    this.#import(type);
    this.#functions.push(...this.#encoder(type, name), ...this.#decoder(type, name));
  }

  #import(type: protobuf.Type): void {
    let top: protobuf.ReflectionObject = type;
    while (top.parent?.fullName !== `.${PACKAGE}`) top = top.parent as protobuf.ReflectionObject;
    const names = this.#imports.get(top.name) ?? new Set();
    this.#imports.set(top.name, names);
    const exported = top === type ? type.name : `_${type.fullName.slice(1).replaceAll(".", "_")}`;
    // Nested types are exported under their full path; here every type goes by one short name.
    const short = typeName(type);
    names.add(exported === short ? short : `${exported} as ${short}`);
    names.add(exported === short ? `${short}Input` : `${exported}Input as ${short}Input`);
  }

  // Writing

  #encoder(type: protobuf.Type, name: string): string[] {
    return [
      `function encode${name}(w: Writer, m: ${name}Input): void {`,
      ...type.fieldsArray.flatMap((field) => this.#write(field)),
      "}",
      "",
    ];
  }

  #write(field: protobuf.FieldBase): string[] {
    const value = `m.${field.name}`;
    if (field instanceof protobuf.MapField) return this.#writeMap(field, value);
    if (field.repeated) return [`  if (${value} != null) for (const x of ${value}) ${put(field, field.id, "x")}`];
    const write = put(field, field.id, value);
    if (field.resolvedType instanceof protobuf.Type) return [`  if (${value} != null) ${write}`];
    if (field.partOf !== null) return [`  if (${value} != null) ${write}`];
    if (field.resolvedType instanceof protobuf.Enum) {
      return [`  if (${value} != null && ${value} !== "${zeroName(field.resolvedType)}" && ${value} !== 0) ${write}`];
    }
    if (field.type === "bytes") return [`  if (${value} != null && ${value}.length > 0) ${write}`];
    // -0 is a value of its own: only +0 is what an absent field means.
    if (field.type === "double") return [`  if (${value} != null && !Object.is(Number(${value}), 0)) ${write}`];
    return [`  if (${value}) ${write}`];
  }

  #writeMap(field: protobuf.MapField, value: string): string[] {
    if (field.keyType !== "string") throw new Error(`${field.fullName}: only text may be a key`);
    const isMessage = field.resolvedType instanceof protobuf.Type;
    const given = isMessage ? "if (x != null) " : "";
    return [
      `  if (${value} != null) {`,
      // In order, so that equal maps are equal bytes.
      `    for (const key of sortedKeys(${value})) {`,
      `      const x = ${value}[key]!;`,
      `      const start = w.open(${tag(field.id, DELIMITED)});`,
      `      w.text(${tag(1, DELIMITED)}, key);`,
      `      ${given}${put(field, 2, "x")}`,
      "      w.close(start);",
      "    }",
      "  }",
    ];
  }

  // Reading

  #decoder(type: protobuf.Type, name: string): string[] {
    const absent = type.fieldsArray.flatMap((field) => {
      if (field instanceof protobuf.MapField) return [`${field.name}: {}`];
      if (field.repeated) return [`${field.name}: []`];
      if (field.partOf !== null) return [];
      return [`${field.name}: ${absentValue(field)}`];
    });
    return [
      `function decode${name}(r: Reader): ${name} {`,
      `  const m: ${name} = { ${absent.join(", ")} };`,
      "  while (r.at < r.end) {",
      "    const tag = r.small();",
      "    switch (tag) {",
      ...type.fieldsArray.flatMap((field) => this.#read(field)),
      "      default: r.skip(tag);",
      "    }",
      "  }",
      "  return m;",
      "}",
      "",
    ];
  }

  #read(field: protobuf.FieldBase): string[] {
    const target = `m.${field.name}`;
    const marks = field.partOf === null ? "" : ` m.${field.partOf.name} = "${field.name}";`;
    const head = `      case ${tag(field.id, wireOf(field))}:`;
    if (field instanceof protobuf.MapField) return [head, ...this.#readMap(field, target)];
    if (field.resolvedType instanceof protobuf.Type) {
      const name = typeName(field.resolvedType);
      const assign = field.repeated ? `${target}.push(decode${name}(r));` : `${target} = decode${name}(r);`;
      return [head, `{ const outer = r.open(); ${assign}${marks} r.close(outer); break; }`];
    }
    const value = take(field);
    if (!field.repeated) return [head, `        ${target} = ${value};${marks} break;`];
    const one = [head, `        ${target}.push(${value}); break;`];
    if (wireOf(field) === DELIMITED) return one;
    return [
      ...one,
      `      case ${tag(field.id, DELIMITED)}: { const outer = r.open(); while (r.at < r.end) ${target}.push(${value}); r.close(outer); break; }`,
    ];
  }

  #readMap(field: protobuf.MapField, target: string): string[] {
    const { resolvedType } = field;
    const isMessage = resolvedType instanceof protobuf.Type;
    const absent = isMessage ? `decode${typeName(resolvedType)}(NOTHING)` : absentValue(field);
    const value = isMessage
      ? `{ const inner = r.open(); value = decode${typeName(resolvedType)}(r); r.close(inner); }`
      : `value = ${take(field)};`;
    return [
      "      {",
      "        const outer = r.open();",
      '        let key = "";',
      `        let value = ${absent};`,
      "        while (r.at < r.end) {",
      "          const inTag = r.small();",
      `          if (inTag === ${tag(1, DELIMITED)}) key = r.text();`,
      `          else if (inTag === ${tag(2, isMessage ? DELIMITED : wireOfType(field))}) ${value}`,
      "          else r.skip(inTag);",
      "        }",
      "        r.close(outer);",
      `        setKey(${target}, key, value);`,
      "        break;",
      "      }",
    ];
  }

  text(): string {
    const imports = [...this.#imports].map(
      ([file, names]) => `import type { ${[...names].join(", ")} } from "./${file}.ts";`,
    );
    const codecs = this.#names.map((name) => `  ${name}: { encode: encode${name}, decode: decode${name} },`);
    return [
      "// Written by scripts/gen-codecs.ts from proto/; never edited.",
      'import { enumValue, numberOf, Reader, setKey, sortedKeys, type Writer } from "../wire.ts";',
      'import type { Messages } from "./index.ts";',
      ...imports,
      "",
      "const EMPTY = Buffer.alloc(0);",
      "const NOTHING = new Reader(EMPTY);",
      "",
      ...this.#enums,
      "",
      ...this.#functions,
      "export type MessageCodecs = {",
      "  readonly [N in keyof Messages]: {",
      '    readonly encode: (w: Writer, m: Messages[N]["input"]) => void;',
      '    readonly decode: (r: Reader) => Messages[N]["output"];',
      "  };",
      "};",
      "",
      "export const CODECS: MessageCodecs = {",
      ...codecs,
      "};",
      "",
    ].join("\n");
  }
}

function put(field: protobuf.FieldBase, id: number, value: string): string {
  const { resolvedType } = field;
  const at = tag(id, wireOfType(field));
  if (resolvedType instanceof protobuf.Type) {
    return `{ const start = w.open(${at}); encode${typeName(resolvedType)}(w, ${value}); w.close(start); }`;
  }
  if (resolvedType instanceof protobuf.Enum) return `w.uint(${at}, numberOf(${enumName(resolvedType)}, ${value}));`;
  const { wire, method } = scalar(field);
  const isNumber = wire !== DELIMITED && method !== "bool";
  return `w.${method}(${at}, ${isNumber ? `Number(${value})` : value});`;
}

function take(field: protobuf.FieldBase): string {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Enum) {
    return `enumValue(${enumName(resolvedType)}_NAMES, r.small())`;
  }
  return `r.${scalar(field).reader}()`;
}

function absentValue(field: protobuf.FieldBase): string {
  if (field.resolvedType instanceof protobuf.Type) return "null";
  if (field.resolvedType instanceof protobuf.Enum) return `"${zeroName(field.resolvedType)}"`;
  return scalar(field).absent;
}

function scalar(field: protobuf.FieldBase): Scalar {
  const found = SCALARS[field.type];
  if (found === undefined) throw new Error(`${field.fullName}: ${field.type} has no codec in gen-codecs.ts`);
  return found;
}

function wireOf(field: protobuf.FieldBase): number {
  return field instanceof protobuf.MapField ? DELIMITED : wireOfType(field);
}

function wireOfType(field: protobuf.FieldBase): number {
  if (field.resolvedType instanceof protobuf.Type) return DELIMITED;
  return field.resolvedType instanceof protobuf.Enum ? VARINT : scalar(field).wire;
}

function tag(id: number, wire: number): number {
  return id * 8 + wire;
}

function zeroName(type: protobuf.Enum): string {
  return Object.entries(type.values).find(([, number]) => number === 0)?.[0] ?? "";
}

/** `LogsMessage.Line` is `LogsMessage_Line`. */
function typeName(type: protobuf.ReflectionObject): string {
  return type.fullName.slice(`.${PACKAGE}.`.length).replaceAll(".", "_");
}

function enumName(type: protobuf.Enum): string {
  return typeName(type).toUpperCase();
}
