/** Devices and GPUs of a container. Whether a node has them only that node knows. */
import { checkAbsolutePath, checkInteger, checkLength, checkText, checkTexts, shown } from "./checks.ts";
import type { ContainerSpec, Device, GpuRequest } from "./index.ts";
import { invalid } from "../util/errors.ts";

export const DEVICES_MAX = 64;
export const GPUS_MAX = 1_024;
/** `--gpus all`. */
export const ALL_GPUS = -1;
const PERMISSIONS = /^(?!.*(.).*\1)[rwm]{1,3}$/;
const CGROUP_RULE = /^[acb] (?:\d{1,10}|\*):(?:\d{1,10}|\*) [rwm]{1,3}$/;
const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** @param path of the container's spec */
export function validateDevices({ devices, gpus, deviceCgroupRules }: ContainerSpec, path: string): void {
  checkLength(devices, `${path}.devices`, DEVICES_MAX);
  for (const [at, device] of devices.entries()) validateDevice(device, `${path}.devices[${at}]`);
  for (const [at, device] of devices.entries()) {
    const first = devices.findIndex((other) => targetOf(other) === targetOf(device));
    if (first < at) {
      const twice = `"${shown(targetOf(device))}" is there twice, first by ${path}.devices[${first}]`;
      throw invalid(`${path}.devices[${at}].target`, twice, "give each device a target of its own");
    }
  }
  checkLength(deviceCgroupRules, `${path}.deviceCgroupRules`, DEVICES_MAX);
  for (const [at, rule] of deviceCgroupRules.entries()) {
    if (CGROUP_RULE.test(rule)) continue;
    throw invalid(
      `${path}.deviceCgroupRules[${at}]`,
      `"${shown(rule)}" is no device rule`,
      'write it like "c 189:* rmw"',
    );
  }
  if (gpus !== null) validateGpus(gpus, `${path}.gpus`);
}

function validateDevice({ source, target, permissions }: Device, path: string): void {
  if (!source.startsWith("/")) {
    checkText(source, `${path}.source`);
    throw invalid(
      `${path}.source`,
      `"${shown(source)}" is not an absolute path of the node`,
      "write it like /dev/fuse",
    );
  }
  checkAbsolutePath(source, `${path}.source`);
  checkAbsolutePath(target, `${path}.target`);
  if (permissions !== "" && !PERMISSIONS.test(permissions))
    throw invalid(
      `${path}.permissions`,
      `"${shown(permissions)}" are no permissions`,
      "use r, w and m, each at most once",
    );
}

function validateGpus({ count, deviceIds, capabilities, driver }: GpuRequest, path: string): void {
  checkInteger(count, `${path}.count`, { min: ALL_GPUS, max: GPUS_MAX });
  checkTexts(deviceIds, `${path}.deviceIds`);
  if (deviceIds.length > 0 && count !== 0)
    throw invalid(`${path}.count`, "a number and names are asked for", "keep count or deviceIds");
  if (deviceIds.length === 0 && count === 0)
    throw invalid(`${path}.count`, "no GPU is asked for", "use a number, -1 for all, or deviceIds");
  if (deviceIds.includes("")) throw invalid(`${path}.deviceIds`, "an id is empty", "name each GPU by its id or index");
  checkLength(capabilities, `${path}.capabilities`, DEVICES_MAX);
  for (const [at, name] of capabilities.entries()) checkWord(name, `${path}.capabilities[${at}]`);
  if (driver !== "") checkWord(driver, `${path}.driver`);
}

function checkWord(text: string, path: string): void {
  if (!WORD.test(text))
    throw invalid(path, `"${shown(text)}" is no such name`, "use letters, digits, dots, dashes and underscores");
}

function targetOf({ source, target }: Device): string {
  return target === "" ? source : target;
}
