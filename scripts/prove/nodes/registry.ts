// A registry with one image of so many bytes, at 127.0.0.1 of the host it is started on: engines take such a one without
// TLS. `node --import tsx registry.ts PORT BYTES` serves /v2/IMAGE until it is ended.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const IMAGE = "ballast";
const TAG = "1";
const MEDIA = "application/vnd.docker";
const MANIFEST = `${MEDIA}.distribution.manifest.v2+json`;

const [port = "", bytes = ""] = process.argv.slice(2);

const layer = tarOf(randomBytes(Number(bytes)));
const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as "x64" | "arm64"];
const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
const config = Buffer.from(JSON.stringify({ architecture, os: "linux", config: {}, rootfs }));
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: `${MEDIA}.container.image.v1+json`, size: config.length, digest: digestOf(config) },
    layers: [{ mediaType: `${MEDIA}.image.rootfs.diff.tar`, size: layer.length, digest: digestOf(layer) }],
  }),
);
const pages = new Map([
  ["/v2/", { type: "application/json", body: Buffer.from("{}") }],
  [`/v2/${IMAGE}/manifests/${TAG}`, { type: MANIFEST, body: manifest }],
  [`/v2/${IMAGE}/manifests/${digestOf(manifest)}`, { type: MANIFEST, body: manifest }],
  [`/v2/${IMAGE}/blobs/${digestOf(config)}`, { type: "application/octet-stream", body: config }],
  [`/v2/${IMAGE}/blobs/${digestOf(layer)}`, { type: "application/octet-stream", body: layer }],
]);

createServer((request, response) => {
  const page = pages.get(request.url ?? "");
  if (page === undefined) return void response.writeHead(404).end();
  response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
  if (page.type === MANIFEST) response.setHeader("Docker-Content-Digest", digestOf(page.body));
  response.writeHead(200, { "Content-Type": page.type, "Content-Length": page.body.length });
  response.end(request.method === "HEAD" ? undefined : page.body);
}).listen(Number(port), "127.0.0.1");

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function tarOf(content: Buffer): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "shoal-ballast-"));
  try {
    writeFileSync(join(folder, "ballast"), content);
    return execFileSync("tar", ["-c", "-C", folder, "ballast"], { maxBuffer: content.length * 2 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
