import { expect } from "chai";
import { IMAGE_NAME_LENGTH_MAX, imageVersion, parseImageRef } from "../../../src/model/image-ref.ts";
import { AppError } from "../../../src/util/errors.ts";

const HEX = "0123456789abcdef".repeat(4);
const SHA = `sha256:${HEX}`;

/** text, domain, path, tag, digest */
const ACCEPTED: readonly (readonly [string, string, string, string, string])[] = [
  ["nginx", "docker.io", "library/nginx", "", ""],
  ["nginx:1.27", "docker.io", "library/nginx", "1.27", ""],
  ["library/nginx", "docker.io", "library/nginx", "", ""],
  ["docker.io/nginx", "docker.io", "library/nginx", "", ""],
  ["docker.io/library/nginx:a", "docker.io", "library/nginx", "a", ""],
  ["index.docker.io/team/app", "docker.io", "team/app", "", ""],
  ["team/app:v1", "docker.io", "team/app", "v1", ""],
  ["localhost/app", "localhost", "app", "", ""],
  ["localhost:5000/app:v1", "localhost:5000", "app", "v1", ""],
  ["registry.example/a/b/c", "registry.example", "a/b/c", "", ""],
  ["Registry/app", "Registry", "app", "", ""],
  ["10.0.0.1:5000/app", "10.0.0.1:5000", "app", "", ""],
  ["[fd00::1]:5000/app", "[fd00::1]:5000", "app", "", ""],
  [`nginx@${SHA}`, "docker.io", "library/nginx", "", SHA],
  [`nginx:1@${SHA}`, "docker.io", "library/nginx", "1", SHA],
  ["a__b", "docker.io", "library/a__b", "", ""],
  ["a.b_c---d", "docker.io", "library/a.b_c---d", "", ""],
  ["app:V1.0_x-Y", "docker.io", "library/app", "V1.0_x-Y", ""],
  ["foo:5000", "docker.io", "library/foo", "5000", ""],
  [`${HEX.slice(1)}`, "docker.io", `library/${HEX.slice(1)}`, "", ""],
];

/** text, part of the reason */
const REFUSED: readonly (readonly [string, string])[] = [
  ["", "an image is needed"],
  ["Nginx", "capital letters"],
  ["team/App", "capital letters"],
  ["nginx:", "is not a tag"],
  ["nginx:-x", "is not a tag"],
  [`nginx:${"x".repeat(129)}`, "is not a tag"],
  ["nginx:a:b", "is not a tag"],
  ["a..b", "not an image reference"],
  ["a___b", "not an image reference"],
  ["-a", "not an image reference"],
  ["a//b", "not an image reference"],
  ["/a", "not an image reference"],
  ["a/", "not an image reference"],
  ["a b", "not an image reference"],
  ["registry.example/", "not an image reference"],
  ["exa_mple.com/app", "is not a registry's host"],
  ["registry.example:port/app", "is not a registry's host"],
  ["nginx@", "is not a digest"],
  ["nginx@sha256:abc", "is not a digest"],
  [`nginx@sha256:${HEX.toUpperCase()}`, "64 lower-case"],
  [`nginx@sha256:${HEX}00`, "64 lower-case"],
  [`nginx@${SHA}@${SHA}`, "is not a digest"],
  [HEX, "image id"],
  ["https://registry.example/app", "without https://"],
  [`a${"/a".repeat(IMAGE_NAME_LENGTH_MAX / 2)}`, "longer than 255"],
];

describe("model/image-ref", () => {
  for (const [text, domain, path, tag, digest] of ACCEPTED) {
    it(`reads ${text.slice(0, 40)} as Docker does`, () => {
      expect(parseImageRef(text, "image")).to.deep.equal({ domain, path, tag, digest });
    });
  }

  for (const [text, why] of REFUSED) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}: ${why}`, () => {
      expect(() => parseImageRef(text, "spec.image"))
        .to.throw(AppError, why)
        .with.nested.property("details.path", "spec.image");
    });
  }

  it("asks a registry for the digest, else the tag, else latest", () => {
    expect(imageVersion(parseImageRef("a", "i"))).to.equal("latest");
    expect(imageVersion(parseImageRef("a:1", "i"))).to.equal("1");
    expect(imageVersion(parseImageRef(`a:1@${SHA}`, "i"))).to.equal(SHA);
  });
});
