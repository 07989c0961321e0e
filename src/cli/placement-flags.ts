/** Flags that say where tasks go and what they take of their node. Names and syntax are Docker's as far as it has them. Pure. */
import type { Device, GpuRequest, PlacementPreference, Platform, TaskSpec } from "../model/index.ts";
import { constraintText, parseConstraint } from "../model/constraint.ts";
import { parseGenericReservation } from "../model/generic-resources.ts";
import { normalArchitecture, normalOs } from "../model/platform.ts";
import { NO_RESOURCES } from "../model/resources.ts";
import { ALL_GPUS } from "../model/validate-devices.ts";
import { AFFINITY_WEIGHT_MAX, STRATEGIES } from "../model/validate-placement.ts";
import { AppError } from "../util/errors.ts";
import { parseBytes, parseNanoCpus } from "../util/units.ts";
import { usage } from "./exit.ts";
import { choice, count, integer } from "./value-syntax.ts";

export type PlacementFlags = {
  readonly limitCpu?: string;
  readonly limitMemory?: string;
  readonly limitPids?: string;
  readonly reserveCpu?: string;
  readonly reserveMemory?: string;
  readonly replicasMaxPerNode?: string;
  readonly strategy?: string;
  readonly platform?: readonly string[];
  readonly gpus?: string;
  readonly rebalance?: boolean;
  /** Of create: each becomes the `…Add` beside it. */
  readonly constraint?: readonly string[];
  readonly placementPref?: readonly string[];
  readonly genericResource?: readonly string[];
  readonly device?: readonly string[];
  readonly deviceCgroupRule?: readonly string[];
  /** Of update. */
  readonly constraintAdd?: readonly string[];
  readonly constraintRm?: readonly string[];
  readonly placementPrefAdd?: readonly string[];
  readonly placementPrefRm?: readonly string[];
  readonly genericResourceAdd?: readonly string[];
  readonly genericResourceRm?: readonly string[];
  readonly deviceAdd?: readonly string[];
  readonly deviceRm?: readonly string[];
  readonly deviceCgroupRuleAdd?: readonly string[];
  readonly deviceCgroupRuleRm?: readonly string[];
};

/** The flags of create as those of update. */
export function placementAdditions(flags: PlacementFlags): PlacementFlags {
  const { constraint, placementPref, genericResource, device, deviceCgroupRule } = flags;
  return {
    ...(constraint === undefined ? {} : { constraintAdd: constraint }),
    ...(placementPref === undefined ? {} : { placementPrefAdd: placementPref }),
    ...(genericResource === undefined ? {} : { genericResourceAdd: genericResource }),
    ...(device === undefined ? {} : { deviceAdd: device }),
    ...(deviceCgroupRule === undefined ? {} : { deviceCgroupRuleAdd: deviceCgroupRule }),
  };
}

export function withResources(before: TaskSpec["resources"], flags: PlacementFlags): TaskSpec["resources"] {
  const { limitCpu, limitMemory, limitPids, reserveCpu, reserveMemory, genericResourceAdd, genericResourceRm } = flags;
  const given = [limitCpu, limitMemory, limitPids, reserveCpu, reserveMemory, genericResourceAdd, genericResourceRm];
  if (given.every((flag) => flag === undefined)) return before;
  const limits = { ...(before?.limits ?? NO_RESOURCES) };
  const reservations = { ...(before?.reservations ?? NO_RESOURCES) };
  if (limitCpu !== undefined) limits.nanoCpus = parseNanoCpus(limitCpu, "--limit-cpu");
  if (limitMemory !== undefined) limits.memoryBytes = parseBytes(limitMemory, "--limit-memory");
  if (reserveCpu !== undefined) reservations.nanoCpus = parseNanoCpus(reserveCpu, "--reserve-cpu");
  if (reserveMemory !== undefined) reservations.memoryBytes = parseBytes(reserveMemory, "--reserve-memory");
  // A kind that is added again is changed.
  const generic = new Map(reservations.generic.map((one) => [one.kind, one]));
  for (const text of genericResourceRm ?? []) generic.delete(text.split("=")[0] ?? text);
  for (const text of genericResourceAdd ?? []) {
    const one = parseGenericReservation(text, "--generic-resource");
    generic.set(one.kind, one);
  }
  reservations.generic = [...generic.values()];
  const pidsLimit = limitPids === undefined ? (before?.pidsLimit ?? 0) : count(limitPids, "--limit-pids");
  return { limits, reservations, pidsLimit };
}

export function withPlacement(before: TaskSpec["placement"], flags: PlacementFlags): TaskSpec["placement"] {
  const { constraintAdd, constraintRm, placementPrefAdd, placementPrefRm, replicasMaxPerNode, strategy, platform } =
    flags;
  const given = [
    constraintAdd,
    constraintRm,
    placementPrefAdd,
    placementPrefRm,
    replicasMaxPerNode,
    strategy,
    platform,
  ];
  if (given.every((flag) => flag === undefined)) return before;
  return {
    constraints: withConstraints(before?.constraints ?? [], flags),
    maxReplicasPerNode:
      replicasMaxPerNode === undefined
        ? (before?.maxReplicasPerNode ?? 0)
        : count(replicasMaxPerNode, "--replicas-max-per-node"),
    platforms: platform === undefined ? (before?.platforms ?? []) : parsePlatforms(platform),
    preferences: withPreferences(before?.preferences ?? [], flags),
    strategy: strategy === undefined ? (before?.strategy ?? "DEFAULT") : choice(strategy, "--strategy", STRATEGIES),
  };
}

/** `linux/arm64`; `any` takes the limit away. */
function parsePlatforms(texts: readonly string[]): Platform[] {
  if (texts.length === 1 && texts[0] === "any") return [];
  return texts.map((text) => {
    const [os = "", architecture = "", ...variant] = text.split("/");
    if (os === "" || architecture === "" || architecture === "any" || os === "any")
      throw usage(`--platform: "${text}" is not OS/ARCH`, "write it like linux/arm64, or any");
    if (variant.length > 0)
      throw usage(
        `--platform: "${text}" names a variant, which nodes do not say of themselves`,
        `use ${os}/${architecture}`,
      );
    return { os: normalOs(os), architecture: normalArchitecture(architecture) };
  });
}

/** `a == b` and `a==b` are one constraint. */
function withConstraints(
  before: readonly string[],
  { constraintAdd = [], constraintRm = [] }: PlacementFlags,
): string[] {
  const constraints = new Map(before.map((text) => [oneSpelling(text), text]));
  for (const text of constraintRm) constraints.delete(oneSpelling(text));
  for (const text of constraintAdd) constraints.set(oneSpelling(text), text);
  return [...constraints.values()];
}

/** What does not parse is the cluster's to judge: it may know more than this program does. */
function oneSpelling(text: string): string {
  try {
    return constraintText(parseConstraint(text, "--constraint"));
  } catch (error) {
    if (error instanceof AppError) return text;
    throw error;
  }
}

function withPreferences(
  before: readonly PlacementPreference[],
  { placementPrefAdd = [], placementPrefRm = [] }: PlacementFlags,
): PlacementPreference[] {
  const keyOf = ({ spread, affinity }: PlacementPreference): string =>
    affinity ? `affinity=${oneSpelling(affinity.constraint)}` : `spread=${spread ?? ""}`;
  const preferences = new Map(before.map((preference) => [keyOf(preference), preference]));
  for (const text of placementPrefRm) preferences.delete(keyOf(parsePreference(text, "--placement-pref-rm")));
  for (const text of placementPrefAdd) {
    const preference = parsePreference(text);
    preferences.set(keyOf(preference), preference);
  }
  return [...preferences.values()];
}

/** `spread=node.labels.zone`, `affinity=service==db`, `anti-affinity=node.labels.disk==slow,weight=20`. */
export function parsePreference(text: string, flag = "--placement-pref"): PlacementPreference {
  const at = text.indexOf("=");
  const [kind, rest] = [text.slice(0, Math.max(0, at)).trim(), text.slice(at + 1).trim()];
  if (kind === "spread") return { preference: "spread", spread: rest };
  if (kind !== "affinity" && kind !== "anti-affinity") {
    const next = "write spread=node.labels.zone, affinity=service==db or anti-affinity=service==web";
    throw usage(`${flag}: "${text}" begins with neither spread=, affinity= nor anti-affinity=`, next);
  }
  const [, constraint = "", weightText = "50"] = /^(.*?)(?:,\s*weight=([^,]*))?$/s.exec(rest) ?? [];
  const weight = integer(weightText, `${flag}: weight`);
  if (weight === 0 || Math.abs(weight) > AFFINITY_WEIGHT_MAX)
    throw usage(`${flag}: weight ${weight} is not from 1 to ${AFFINITY_WEIGHT_MAX}, or below 0 to avoid`);
  return { preference: "affinity", affinity: { constraint, weight: kind === "affinity" ? weight : -weight } };
}

type DeviceParts = {
  readonly devices: Device[];
  readonly gpus: GpuRequest | null;
  readonly deviceCgroupRules: string[];
};

export function withDevices(before: DeviceParts, flags: PlacementFlags): DeviceParts {
  const { deviceAdd = [], deviceRm = [], deviceCgroupRuleAdd = [], deviceCgroupRuleRm = [], gpus } = flags;
  const added = deviceAdd.map((text) => parseDevice(text));
  const gone = new Set([...deviceRm, ...added.map(targetOf)]);
  const rules = new Set(before.deviceCgroupRules.filter((rule) => !deviceCgroupRuleRm.includes(rule)));
  for (const rule of deviceCgroupRuleAdd) rules.add(rule);
  return {
    // Removed by either of its paths.
    devices: [
      ...before.devices.filter((device) => !gone.has(targetOf(device)) && !deviceRm.includes(device.source)),
      ...added,
    ],
    gpus: gpus === undefined ? before.gpus : parseGpus(gpus),
    deviceCgroupRules: [...rules],
  };
}

function targetOf({ source, target }: Device): string {
  return target === "" ? source : target;
}

/** `/dev/a`, `/dev/a:/dev/b`, `/dev/a:/dev/b:rw`, `/dev/a:r`. */
export function parseDevice(text: string, flag = "--device"): Device {
  const [source = "", second = "", third, ...more] = text.split(":");
  const isMode = /^[rwm]{1,3}$/.test(second) && third === undefined;
  const permissions = isMode ? second : (third ?? "");
  if (source === "" || more.length > 0 || !/^[rwm]{0,3}$/.test(permissions))
    throw usage(
      `${flag}: "${text}" is not SOURCE[:TARGET][:rwm]`,
      "write it like /dev/fuse or /dev/ttyUSB0:/dev/serial:rw",
    );
  return {
    source,
    target: isMode || second === "" ? source : second,
    permissions: permissions === "" ? "rwm" : permissions,
  };
}

/** Docker's: `all`, `2`, `device=0`, `"device=0,1",capabilities=utility`; and `none`, which takes them away again. */
export function parseGpus(text: string, flag = "--gpus"): GpuRequest | null {
  if (text === "none") return null;
  const request: GpuRequest = { count: 0, deviceIds: [], capabilities: [], driver: "" };
  for (const field of fieldsOf(text, flag)) {
    const at = field.indexOf("=");
    const [key, value] = at < 0 ? ["count", field] : [field.slice(0, at), field.slice(at + 1)];
    if (key === "count") request.count = value === "all" ? ALL_GPUS : count(value, flag);
    else if (key === "device") request.deviceIds.push(...value.split(",").map((id) => id.trim()));
    else if (key === "capabilities") request.capabilities.push(...value.split(",").map((name) => name.trim()));
    else if (key === "driver") request.driver = value;
    else throw usage(`${flag}: unknown key "${key}" in "${text}"`, "use all, a number, device, capabilities or driver");
  }
  if (request.count === 0 && request.deviceIds.length === 0)
    throw usage(`${flag}: "${text}" asks for no GPU`, "write all, a number, or device=0");
  return request;
}

/** Commas separate, except between double quotes. */
function fieldsOf(text: string, flag: string): string[] {
  const fields = text.match(/"[^"]*"|[^,"]+/g) ?? [];
  if (fields.join(",").length !== text.length)
    throw usage(`${flag}: "${text}" does not parse`, 'quote fields with commas: "device=0,1"');
  return fields.map((field) => field.replaceAll('"', "").trim());
}
