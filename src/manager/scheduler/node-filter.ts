/** What about a node keeps a task away whatever else runs there: it cannot change while tasks are placed. */
import { constraintText } from "../../model/constraint.ts";
import { actualText, matches } from "../../model/constraint-match.ts";
import { nodeName } from "../../model/naming.ts";
import { platformMatches, platformText } from "../../model/platform.ts";
import type { GpuRequest, Node } from "../../model/index.ts";
import type { Needs } from "./needs.ts";
import type { Refusal } from "./refusal.ts";

/** The first filter that refuses the node, or null. */
export function refuseNode(needs: Needs, node: Node): Refusal | null {
  return (
    refuseState(node) ??
    refuseAvailability(node) ??
    refuseRuntime(needs, node) ??
    refuseEngine(needs, node) ??
    refuseDisk(node) ??
    refuseConstraint(needs, node) ??
    refusePlatform(needs, node) ??
    refuseDevices(needs, node) ??
    refuseLogDriver(needs, node)
  );
}

function refuseState({ status }: Node): Refusal | null {
  switch (status?.state) {
    case "READY":
      return null;
    case "UNREACHABLE":
      return ready("unreachable", "the node is unreachable");
    case "DOWN":
      return ready("down", "the node is down");
    case "LEFT":
      return ready("left", "the node has left", "start its agent again, or remove it with `shoal node rm`");
    default:
      return ready("not ready", "the node has not connected yet", "start `shoal daemon` on it");
  }
}

function ready(short: string, message: string, next = "check its host, its network and its `shoal daemon`"): Refusal {
  return { code: "ready", short, message, next };
}

function refuseAvailability(node: Node): Refusal | null {
  const availability = node.spec?.availability ?? "ACTIVE";
  if (availability === "ACTIVE") return null;
  const word = availability === "DRAIN" ? "drained" : "paused";
  return {
    code: "availability",
    short: word,
    message: `the node is ${word}`,
    next: `run \`shoal node activate ${nodeName(node)}\``,
  };
}

function refuseRuntime({ runtime }: Needs, { description }: Node): Refusal | null {
  const offered = description?.runtimes ?? [];
  if (offered.includes(runtime)) return null;
  const has = offered.length === 0 ? "offers no runtime" : `offers only ${offered.join(", ")}`;
  return {
    code: "runtime",
    short: `no ${runtime} runtime`,
    message: `the task needs a ${runtime} runtime and the node ${has}`,
    next:
      runtime === "container"
        ? "give the node a Docker Engine, or add a node that has one"
        : "add a node that runs processes",
  };
}

function refuseEngine({ runtime }: Needs, { status }: Node): Refusal | null {
  // An agent that has not spoken of its engine yet says false without a message.
  if (runtime !== "container" || status === null || status.engineOk || status.engineMessage === "") return null;
  return {
    code: "engine",
    short: "engine not answering",
    message: `the node's engine does not answer: ${status.engineMessage}`,
    next: "check the Docker Engine on the node",
  };
}

function refuseDisk({ description }: Node): Refusal | null {
  const paths = description?.fullPaths ?? [];
  if (paths.length === 0) return null;
  return {
    code: "disk",
    short: "disk almost full",
    message: `the disk of ${paths.join(" and ")} is almost full: the node takes no new tasks`,
    next: "free space there; `docker system df` shows what images and volumes take",
  };
}

function refuseConstraint({ constraints }: Needs, node: Node): Refusal | null {
  const broken = constraints.find((constraint) => !matches(constraint, node));
  if (broken === undefined) return null;
  const text = constraintText(broken);
  const { key, label, test } = broken;
  const value = test.kind === "one-of" && !test.negated ? test.values[0] : undefined;
  const relabel =
    key === "node.labels." && value !== undefined
      ? `run \`shoal node update --label-add ${label}=${value} ${nodeName(node)}\`, or change the constraint`
      : "label the node, or change the constraint";
  return {
    code: "constraint",
    short: `constraint ${text} not satisfied`,
    message: `the node does not satisfy ${text}: ${actualText(broken, node)}`,
    next: key.endsWith("labels.") ? relabel : "change the constraint",
  };
}

function refusePlatform({ platforms }: Needs, { description }: Node): Refusal | null {
  const actual = description?.platform ?? { os: "", architecture: "" };
  if (platforms.length === 0 || platforms.some((platform) => platformMatches(platform, actual))) return null;
  return {
    code: "platform",
    short: "unsupported platform",
    message: `the task needs ${platforms.map(platformText).join(", ")} and the node is ${platformText(actual)}`,
    next: "add a node of that platform, or use an image for this one",
  };
}

function refuseDevices({ gpus, hasDevices }: Needs, node: Node): Refusal | null {
  const os = node.description?.platform?.os ?? "";
  if (hasDevices && os !== "" && os !== "linux") {
    const message = `the task needs devices and the node's engine runs on ${os}`;
    return { code: "device", short: "no devices", message, next: "constrain it with node.platform.os == linux" };
  }
  if (gpus === null || offersGpus(gpus, node)) return null;
  const driver = gpus.driver === "" ? "GPUs" : `GPUs of the driver ${gpus.driver}`;
  return {
    code: "device",
    short: gpus.driver === "" ? "no GPUs" : `no ${gpus.driver} GPUs`,
    message: `the task needs ${driver} and the node's engine hands none out`,
    next:
      "register the runtime nvidia with its engine (nvidia-ctk runtime configure), or say that it has them: " +
      "shoal daemon --node-generic-resources gpu=1",
  };
}

/** By what the engine says, or the operator: an engine set up with a hook alone says nothing. */
function offersGpus({ driver }: GpuRequest, { description }: Node): boolean {
  const drivers = description?.deviceDrivers ?? [];
  const isNamed = description?.resources?.generic.some(({ kind }) => /gpu/i.test(kind)) ?? false;
  if (driver === "") return isNamed || drivers.some((name) => name === "nvidia" || name.endsWith("/gpu"));
  if (drivers.length === 0) return isNamed;
  return drivers.some((name) => name === driver || name.startsWith(`${driver}.`));
}

function refuseLogDriver({ runtime, logDriver }: Needs, { description }: Node): Refusal | null {
  const offered = description?.logDrivers ?? [];
  if (runtime !== "container" || logDriver === "" || logDriver === "none" || offered.length === 0) return null;
  // A plugin is listed with its tag, and meant with any.
  if (offered.some((name) => name === logDriver || name.split(":")[0] === logDriver)) return null;
  return {
    code: "log-driver",
    short: `no log driver ${logDriver}`,
    message: `the task logs by ${logDriver}, which the node's engine does not have`,
    next: "install the plugin on the node, or use another log driver",
  };
}
