/**
 * How a node without an identity gets one: fetch the root from whoever answers, believe it only if
 * the token's digest says so, then ask for a certificate over TLS verified by that root.
 */
import { call } from "../proto/client.ts";
import { GrpcDialer } from "../proto/grpc-client.ts";
import { SENT_NO } from "../proto/grpc-status.ts";
import type { CallOptions, Channel } from "../proto/rpc.ts";
import { Backoff } from "../util/backoff.ts";
import { sleep, type Env } from "../util/env.ts";
import { AppError, cancelled, invalid, type ErrorCode } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { bootstrapCredentials } from "./credentials.ts";
import { parseToken, tokenFitsRoot, type JoinToken } from "./token.ts";
import type { CredentialFiles, NodeIdentity } from "./types.ts";
import { createCsr } from "./x509.ts";

export const JOIN_TIMEOUT_MS = 30_000;
/** One address must not eat the time of the others. */
const ATTEMPT_TIMEOUT_MS = 8_000;
const ADDRESSES_MAX = 32;

export type JoinRequest = {
  /** gRPC addresses of managers; any one that answers is enough. */
  readonly addresses: readonly string[];
  readonly token: string;
  /** From the keystore's draft, so that a repeated join is the same node. */
  readonly nodeId: string;
  readonly keyPem: string;
  /** gRPC host:port by which the managers reach this node. */
  readonly address: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

export type Joined = {
  readonly identity: NodeIdentity;
  readonly files: CredentialFiles;
  readonly managers: readonly string[];
};

type Deps = { readonly env: Env; readonly log: Logger };
/** One address, once. */
type Attempt = {
  readonly manager: string;
  readonly csrPem: string;
  readonly token: JoinToken;
  readonly timeoutMs: number;
};

/**
 * Tries every address; goes round again while a manager answers that it cannot now (an election).
 * @throws the cluster's refusal at once; otherwise what each address said.
 */
export async function joinCluster(deps: Deps, request: JoinRequest): Promise<Joined> {
  const token = parseToken(request.token);
  const { addresses } = request;
  if (addresses.length === 0 || addresses.length > ADDRESSES_MAX) {
    throw invalid("managers", `has ${addresses.length} addresses, must have 1 to ${ADDRESSES_MAX}`);
  }
  const csrPem = await createCsr(request.keyPem, request.nodeId);
  const deadlineAt = deps.env.now() + (request.timeoutMs ?? JOIN_TIMEOUT_MS);
  const backoff = new Backoff(deps.env, { firstMs: 200, maxMs: 2000 });
  const reasons = new Map<string, string>();
  for (;;) {
    const failures: AppError[] = [];
    for (const manager of addresses) {
      if (request.signal?.aborted === true) throw cancelled("Joining");
      const timeoutMs = Math.min(ATTEMPT_TIMEOUT_MS, deadlineAt - deps.env.now());
      if (timeoutMs <= 0) break;
      try {
        return await joinThrough(deps, request, { manager, csrPem, token, timeoutMs });
      } catch (error) {
        const failure = AppError.from(error);
        if (!WORTH_ANOTHER.has(failure.code)) throw failure;
        deps.log.debug("join attempt failed", { manager, error: failure.message });
        failures.push(failure);
        // The time running out at the end tells less than what was said before.
        if (failure.code !== "deadline" || !reasons.has(manager)) reasons.set(manager, failure.message);
      }
    }
    const waitMs = backoff.next();
    const isAnswered = failures.some(({ details }) => details["sent"] !== SENT_NO);
    if (!isAnswered || deps.env.now() + waitMs >= deadlineAt) throw cannotJoin([...reasons.values()]);
    await sleep(deps.env, waitMs, request.signal);
  }
}

/** A manager's refusal is the cluster's; these are about one address or one moment. */
const WORTH_ANOTHER: ReadonlySet<ErrorCode> = new Set([
  "unavailable",
  "not-leader",
  "deadline",
  "unknown-outcome",
  "unsupported",
  "internal",
]);

function cannotJoin(reasons: readonly string[]): AppError {
  return new AppError("unavailable", `Cannot join the cluster: ${reasons.join("; ") || "no time left"}`, {
    next: "check that the managers run and that their port can be reached from here",
  });
}

async function joinThrough(deps: Deps, request: JoinRequest, attempt: Attempt): Promise<Joined> {
  const root = await withChannel(deps, attempt.manager, null, (channel) =>
    call(channel, "CertificateAuthority.GetRootCertificate", {}, callOptions(request, attempt)),
  );
  checkRoot(attempt, root.rootCertificatePem);
  const { rootCertificatePem } = root;
  const issued = await withChannel(deps, attempt.manager, rootCertificatePem, (channel) => {
    const { token, nodeId, address, name, labels } = request;
    const message = { csrPem: attempt.csrPem, token: token.trim(), nodeId, address, name, labels: { ...labels } };
    return call(channel, "CertificateAuthority.IssueNodeCertificate", message, callOptions(request, attempt));
  });
  return {
    identity: {
      clusterId: issued.clusterId,
      nodeId: issued.nodeId,
      role: issued.role === "MANAGER" ? "manager" : "worker",
    },
    files: { certificatePem: issued.certificatePem, keyPem: request.keyPem, rootCertificatePem },
    managers: issued.managers,
  };
}

function checkRoot({ manager, token }: Attempt, rootCertificatePem: string): void {
  let isRight: boolean;
  try {
    isRight = tokenFitsRoot(token, rootCertificatePem);
  } catch {
    throw new AppError("unavailable", `${manager} answered with something that is no certificate`);
  }
  if (!isRight) {
    throw new AppError("denied", `${manager} belongs to another cluster than the token, or is not what it says`, {
      path: "token",
      next: "check the address, and copy the token again",
    });
  }
}

function callOptions({ signal }: JoinRequest, { timeoutMs }: Attempt): CallOptions {
  return { deadlineMs: timeoutMs, ...(signal === undefined ? {} : { signal }) };
}

/** A connection of its own for each step: the first one's server is not yet known to be ours. */
async function withChannel<T>(
  { env, log }: Deps,
  address: string,
  rootCertificatePem: string | null,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const dialer = new GrpcDialer({ env, log, credentials: bootstrapCredentials(rootCertificatePem) });
  const channel = dialer.dial(address, { peer: { kind: "manager" }, profile: "bulk" });
  try {
    return await work(channel);
  } finally {
    channel.close();
  }
}
