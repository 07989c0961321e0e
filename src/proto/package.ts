/** Loads proto/ once. One of the files of this room that know @grpc/proto-loader; another generates the types with the same options. */
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROTO_FILES } from "./gen/index.ts";

/** Must equal the options of scripts/gen-proto.ts. */
export const LOAD_OPTIONS = { longs: Number, enums: String, defaults: true, arrays: true, oneofs: true } as const;

/** Above the source and above dist/src alike: the first parent that holds proto/shoal. */
function protoRoot(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "proto", "shoal", "v1"))) {
    const up = dirname(at);
    if (up === at) throw new Error("The folder proto/shoal/v1 is missing beside the program");
    at = up;
  }
  return join(at, "proto");
}

export const PROTO_ROOT = protoRoot();

export const packageDefinition: PackageDefinition = loadSync([...PROTO_FILES], {
  ...LOAD_OPTIONS,
  includeDirs: [PROTO_ROOT],
});
