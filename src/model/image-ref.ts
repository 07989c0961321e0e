/**
 * Image references: `[domain[:port]/]path[:tag][@digest]`, by the grammar of the OCI distribution
 * project and with Docker's short forms (`nginx` is `docker.io/library/nginx`).
 */
import { invalid } from "../util/errors.ts";

export type ImageRef = {
  /** `docker.io`, `registry.example:5000`. */
  readonly domain: string;
  /** `library/nginx`. */
  readonly path: string;
  /** Empty without one. */
  readonly tag: string;
  /** `sha256:<hex>`; empty without one. */
  readonly digest: string;
};

/** Domain and path together, as registries bound them. */
export const IMAGE_NAME_LENGTH_MAX = 255;
const DEFAULT_DOMAIN = "docker.io";
const OFFICIAL = "library/";

const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const SHA256 = /^sha256:[0-9a-f]{64}$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const DOMAIN =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
const BARE_ID = /^[0-9a-f]{64}$/;
const NEXT = "write it like nginx:1.27 or registry.example:5000/team/app@sha256:…";

/** @param path field path for the error. @throws AppError invalid */
export function parseImageRef(text: string, path: string): ImageRef {
  if (text === "") throw invalid(path, "an image is needed", NEXT);
  const scheme = /^[a-z]+:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) throw invalid(path, `write the image without ${scheme}`, NEXT);
  const at = text.indexOf("@");
  const digest = at === -1 ? "" : text.slice(at + 1);
  if (at !== -1) checkDigest(digest, path);
  const rest = at === -1 ? text : text.slice(0, at);
  // A colon after the last slash starts the tag; one before it belongs to the port.
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  const tag = colon === -1 ? "" : rest.slice(colon + 1);
  if (colon !== -1 && !TAG.test(tag)) {
    throw invalid(
      path,
      `"${shown(tag)}" is not a tag`,
      "use letters, digits, dots, dashes and underscores, at most 128",
    );
  }
  const name = splitName(colon === -1 ? rest : rest.slice(0, colon));
  checkName(name, text, path);
  return { ...name, tag, digest };
}

/** What a registry is asked for: a digest wins over a tag, and no tag is `latest`. */
export function imageVersion({ tag, digest }: ImageRef): string {
  if (digest !== "") return digest;
  return tag === "" ? "latest" : tag;
}

/** As Docker does: the first part is a domain only if it cannot be part of a path. */
function splitName(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isDomain = /[.:[\]]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  if (slash === -1 || !isDomain) {
    return { domain: DEFAULT_DOMAIN, path: slash === -1 ? `${OFFICIAL}${name}` : name };
  }
  const rest = name.slice(slash + 1);
  if (first !== DEFAULT_DOMAIN && first !== "index.docker.io") return { domain: first, path: rest };
  return { domain: DEFAULT_DOMAIN, path: rest.includes("/") ? rest : `${OFFICIAL}${rest}` };
}

function checkName({ domain, path: name }: { domain: string; path: string }, text: string, path: string): void {
  if (domain.length + 1 + name.length > IMAGE_NAME_LENGTH_MAX) {
    throw invalid(path, `image name is longer than ${IMAGE_NAME_LENGTH_MAX} characters`, "shorten it");
  }
  if (!DOMAIN.test(domain)) throw invalid(path, `"${shown(domain)}" is not a registry's host[:port]`, NEXT);
  if (name !== name.toLowerCase())
    throw invalid(path, `image name "${shown(text)}" has capital letters`, "write it in lower case");
  if (!name.split("/").every((component) => PATH_COMPONENT.test(component))) {
    throw invalid(path, `"${shown(text)}" is not an image reference`, NEXT);
  }
  if (BARE_ID.test(name.slice(OFFICIAL.length)) && name.startsWith(OFFICIAL)) {
    throw invalid(
      path,
      "64 hexadecimal digits are an image id, which other nodes cannot pull",
      "name a repository and a tag",
    );
  }
}

function checkDigest(digest: string, path: string): void {
  if (!DIGEST.test(digest))
    throw invalid(path, `"${shown(digest)}" is not a digest`, "write it as sha256:<64 hexadecimal digits>");
  if (digest.startsWith("sha256:") && !SHA256.test(digest)) {
    throw invalid(path, "a sha256 digest has 64 lower-case hexadecimal digits", "copy it whole");
  }
}

/** Bounded: a reference may be as long as a request. */
function shown(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}
