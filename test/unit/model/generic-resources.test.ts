import { expect } from "chai";
import {
  genericEnv,
  parseGenericReservation,
  parseNodeGenericResources,
} from "../../../src/model/generic-resources.ts";
import { AppError } from "../../../src/util/errors.ts";
import { genericText } from "../../support/generic-text.ts";

const node = (...entries: string[]): string =>
  genericText(parseNodeGenericResources(entries, "node-generic-resources"));

describe("model/generic-resources", () => {
  const texts: readonly (readonly [entries: string[], means: string])[] = [
    [[""], ""],
    [["gpu=2"], "gpu=2"],
    [["gpu=2, ssd=3"], "gpu=2 ssd=3"],
    [["gpu=UUID1,UUID2", "ssd=3"], "gpu=UUID1,UUID2 ssd=3"],
    [["NVIDIA-GPU=a", "NVIDIA-GPU=b"], "NVIDIA-GPU=a,b"],
    [["gpu=a,ssd=1,gpu=b"], "gpu=a,b ssd=1"],
  ];
  for (const [entries, means] of texts) {
    it(`reads ${entries.join(" and ")} as what a node has`, () => {
      expect(node(...entries)).to.equal(means);
    });
  }

  const wrong: readonly (readonly [string, string])[] = [
    ["gpu", "kind is missing"],
    ["=2", "kind is missing"],
    ["g p=2", "no kind"],
    ["gpu=", "no name"],
    ["gpu=0", "out of range"],
    ["gpu=1,2", "twice"],
    ["gpu=a,2", "as a number and by name"],
    ["gpu=2,a", "as a number and by name"],
    ["gpu=a,a", "twice"],
    [`gpu=${"x".repeat(200)}`, "128 characters"],
  ];
  for (const [text, why] of wrong) {
    it(`refuses ${text.slice(0, 20)}`, () => {
      expect(() => node(text))
        .to.throw(AppError)
        .and.satisfy((error: AppError) => {
          expect(error.details.path).to.equal("node-generic-resources");
          expect(`${error.message}; ${error.details.next}`).to.include(why);
          return true;
        });
    });
  }

  it("reads what a service asks for, which is always a number", () => {
    expect(parseGenericReservation("gpu=2", "--generic-resource")).to.deep.equal({ kind: "gpu", count: 2, names: [] });
    for (const text of ["gpu", "=2", "gpu=UUID1", "gpu=-1"]) {
      expect(() => parseGenericReservation(text, "--generic-resource"), text).to.throw(AppError, "KIND=COUNT");
    }
  });

  it("tells a task by Docker's variable, and by one that every shell can read", () => {
    expect(
      genericEnv([
        { kind: "gpu", count: 0, names: ["a", "b"] },
        { kind: "nvidia-mig.1", count: 3, names: [] },
      ]),
    ).to.deep.equal({
      DOCKER_RESOURCE_GPU: "a,b",
      "DOCKER_RESOURCE_NVIDIA-MIG.1": "3",
      DOCKER_RESOURCE_NVIDIA_MIG_1: "3",
    });
  });
});
