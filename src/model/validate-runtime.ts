/** The container and process half of validate.ts. */
import {
  checkAbsolutePath,
  checkDuration,
  checkEnv,
  checkHostName,
  checkInteger,
  checkLabels,
  checkLength,
  checkOneOf,
  checkText,
  checkTexts,
  isIpAddress,
  shown,
} from "./checks.ts";
import { parseImageRef } from "./image-ref.ts";
import type { ContainerSpec, Mount, ProcessSpec } from "./index.ts";
import { isOwnDriver } from "./ties.ts";
import { validateHealth } from "./validate-checks.ts";
import { validateDevices } from "./validate-devices.ts";
import { invalid } from "../util/errors.ts";

const SIGNALS = (
  "ABRT ALRM BUS CHLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN " +
  "TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
).split(" ");
const SIGNAL_NUMBER_MAX = 64;
const REAL_TIME_SIGNAL = /^RT(?:MIN(?:\+\d{1,2})?|MAX(?:-\d{1,2})?)$/;
const CAPABILITY = /^(?:CAP_)?[A-Z][A-Z_]*$/i;
const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** A plugin, as its image is called. */
const VOLUME_DRIVER = /^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,254}$/;
/** The kernel settings that belong to a container's own namespaces; any other is the node's. */
const SYSCTL =
  /^(?:net\.[a-z0-9_.*/-]+|fs\.mqueue\.[a-z0-9_]+|kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced|domainname))$/i;
const HOST_GATEWAY = "host-gateway";

export function validateContainer(spec: ContainerSpec, path: string): void {
  parseImageRef(spec.image, `${path}.image`);
  checkTexts(spec.command, `${path}.command`);
  checkTexts(spec.args, `${path}.args`);
  checkEnv(spec.env, `${path}.env`);
  checkAbsolutePath(spec.dir, `${path}.dir`);
  checkText(spec.user, `${path}.user`);
  if (spec.hostname !== "") checkHostName(spec.hostname, `${path}.hostname`, 63);
  checkLabels(spec.labels, `${path}.labels`);
  validateMounts(spec.mounts, `${path}.mounts`);
  checkSignal(spec.stopSignal, `${path}.stopSignal`);
  checkDuration(spec.stopGraceMs ?? 0, `${path}.stopGraceMs`);
  validateHealth(spec.health, `${path}.health`, { ofImage: true });
  checkOneOf(spec.pullPolicy, `${path}.pullPolicy`, ["MISSING", "ALWAYS", "NEVER"]);
  checkCapabilities(spec.capAdd, `${path}.capAdd`);
  checkCapabilities(spec.capDrop, `${path}.capDrop`);
  refuseBoth(spec, path);
  validateSysctls(spec.sysctls, `${path}.sysctls`);
  validateExtraHosts(spec.extraHosts, `${path}.extraHosts`);
  validateDevices(spec, path);
}

export function validateProcess(spec: ProcessSpec, path: string): void {
  checkTexts(spec.command, `${path}.command`);
  if ((spec.command[0] ?? "") === "")
    throw invalid(`${path}.command`, "a program is needed", "give the program and its arguments");
  checkEnv(spec.env, `${path}.env`);
  checkAbsolutePath(spec.dir, `${path}.dir`);
  checkSignal(spec.stopSignal, `${path}.stopSignal`);
  checkDuration(spec.stopGraceMs ?? 0, `${path}.stopGraceMs`);
  validateHealth(spec.health, `${path}.health`, { ofImage: false });
}

function validateMounts(mounts: readonly Mount[], path: string): void {
  checkLength(mounts, path);
  const targets = new Map<string, number>();
  for (const [at, mount] of mounts.entries()) {
    const here = `${path}[${at}]`;
    validateMount(mount, here);
    const target = mount.target.replace(/\/+/g, "/").replace(/\/$/, "");
    const first = targets.get(target);
    if (first !== undefined) {
      throw invalid(
        `${here}.target`,
        `"${shown(target)}" is mounted twice, first by ${path}[${first}]`,
        "mount each target once",
      );
    }
    targets.set(target, at);
  }
}

function validateMount(mount: Mount, path: string): void {
  const { type, source, target, tmpfsSizeBytes, shared } = mount;
  checkOneOf(type, `${path}.type`, ["BIND", "VOLUME", "TMPFS"]);
  checkAbsolutePath(target, `${path}.target`);
  if (target === "" || /^\/+$/.test(target)) {
    throw invalid(`${path}.target`, `"${target}" cannot be mounted on`, "name a path below / inside the container");
  }
  checkText(source, `${path}.source`);
  if (type === "BIND" && !source.startsWith("/")) {
    throw invalid(
      `${path}.source`,
      `"${shown(source)}" is not an absolute path of the node`,
      "start it with /, or use a VOLUME",
    );
  }
  if (type === "VOLUME" && source !== "" && !VOLUME_NAME.test(source)) {
    throw invalid(
      `${path}.source`,
      `"${shown(source)}" is not a volume name`,
      "use letters, digits, dots, dashes, underscores; a path is a BIND",
    );
  }
  if (shared && (type === "TMPFS" || source === "")) {
    throw invalid(`${path}.shared`, "what has no source is not shared", "name a BIND or a VOLUME, or leave it out");
  }
  if (type === "TMPFS" && source !== "") throw invalid(`${path}.source`, "a TMPFS has no source", "leave it empty");
  checkInteger(tmpfsSizeBytes, `${path}.tmpfsSizeBytes`, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (type !== "TMPFS" && tmpfsSizeBytes !== 0) {
    throw invalid(`${path}.tmpfsSizeBytes`, `is set on a ${type}`, "only a TMPFS has a size");
  }
  validateDriver(mount, path);
}

function validateDriver({ type, shared, driver, driverOptions, local }: Mount, path: string): void {
  if (type !== "VOLUME") {
    const next = "only a VOLUME has a driver: leave it out";
    if (driver !== "") throw invalid(`${path}.driver`, `is set on a ${type}`, next);
    if (Object.keys(driverOptions).length > 0) throw invalid(`${path}.driverOptions`, `are set on a ${type}`, next);
  }
  if (driver !== "" && !VOLUME_DRIVER.test(driver))
    throw invalid(
      `${path}.driver`,
      `"${shown(driver)}" is not the name of a volume plugin`,
      "write it like vieux/sshfs:1",
    );
  checkLabels(driverOptions, `${path}.driverOptions`);
  if (!local) return;
  if (type !== "VOLUME" || isOwnDriver(driver))
    throw invalid(
      `${path}.local`,
      "is for a volume of another driver than local",
      "leave it out: others are so anyway",
    );
  if (shared) throw invalid(`${path}.local`, "contradicts shared", "say one of them");
}

function checkSignal(signal: string, path: string): void {
  if (signal === "") return;
  const name = signal.toUpperCase().replace(/^SIG/, "");
  const number = /^\d{1,2}$/.test(signal) ? Number(signal) : 0;
  if ((number >= 1 && number <= SIGNAL_NUMBER_MAX) || SIGNALS.includes(name) || REAL_TIME_SIGNAL.test(name)) return;
  throw invalid(path, `"${shown(signal)}" is not a signal`, "use a name like SIGTERM or a number from 1 to 64");
}

function checkCapabilities(names: readonly string[], path: string): void {
  checkLength(names, path);
  for (const [at, name] of names.entries()) {
    if (!CAPABILITY.test(name))
      throw invalid(`${path}[${at}]`, `"${shown(name)}" is not a capability`, "use a name like NET_ADMIN, or ALL");
  }
}

/** ALL is meant to be dropped beside some that are added, and the other way round. */
function refuseBoth({ capAdd, capDrop }: ContainerSpec, path: string): void {
  const bare = (name: string): string => name.toUpperCase().replace(/^CAP_/, "");
  const added = new Set(capAdd.map(bare));
  const at = capDrop.findIndex((name) => added.has(bare(name)));
  if (at >= 0)
    throw invalid(`${path}.capDrop[${at}]`, `"${shown(capDrop[at] ?? "")}" is added as well`, "keep one of the two");
}

function validateSysctls(sysctls: Readonly<Record<string, string>>, path: string): void {
  for (const [name, value] of Object.entries(sysctls)) {
    checkText(value, `${path}.${name}`);
    if (SYSCTL.test(name)) continue;
    throw invalid(
      `${path}.${shown(name)}`,
      "is not a setting of a container's own namespaces",
      "use net.*, fs.mqueue.* or the kernel.msg*, kernel.shm* and kernel.sem ones",
    );
  }
}

function validateExtraHosts(hosts: readonly string[], path: string): void {
  checkLength(hosts, path);
  for (const [at, entry] of hosts.entries()) {
    const match = /^([^:=]+)[:=](.+)$/.exec(entry);
    const [, name = "", address = ""] = match ?? [];
    const bare = address.replace(/^\[(.*)\]$/, "$1");
    if (match === null || (bare !== HOST_GATEWAY && !isIpAddress(bare))) {
      throw invalid(`${path}[${at}]`, `"${shown(entry)}" is not name:address`, "write it like db:10.0.0.5");
    }
    checkHostName(name, `${path}[${at}]`, 253);
  }
}
