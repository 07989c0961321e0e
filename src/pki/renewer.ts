/** Renews the node's certificate long before it ends, with a new key, over its own old certificate. */
import { X509Certificate } from "node:crypto";
import { call } from "../proto/client.ts";
import type { Response } from "../proto/load.ts";
import type { Dialer } from "../proto/rpc.ts";
import { Backoff } from "../util/backoff.ts";
import { sleep, type Env } from "../util/env.ts";
import { AppError } from "../util/errors.ts";
import type { Logger } from "../util/log.ts";
import { Scope } from "../util/scope.ts";
import type { RotatingCredentials } from "./credentials.ts";
import type { Keystore, StoredIdentity } from "./keystore.ts";
import type { NodeRoleName } from "./types.ts";
import { createCsr, createKeyPair } from "./x509.ts";

/** Share of the validity after which a renewal is due: spread, so that nodes made together do not come together. */
const RENEW_FROM = 0.5;
const RENEW_UNTIL = 0.8;
const RETRY_FIRST_MS = 5_000;
const RETRY_MAX_MS = 3_600_000;
/** The wall clock may jump and timers end at 2^31 ms (24 days), so it is looked at this often. */
const LOOK_MS = 3_600_000;
const ISSUE_TIMEOUT_MS = 15_000;

export type RenewerDeps = {
  readonly stored: StoredIdentity;
  readonly keystore: Keystore;
  readonly credentials: RotatingCredentials;
  /** Dials with the node's own certificate. */
  readonly dialer: Dialer;
  /** gRPC addresses as known now; any manager will do. */
  readonly managers: () => readonly string[];
  readonly env: Env;
  readonly log: Logger;
};

export class CertificateRenewer {
  readonly #deps: RenewerDeps;
  readonly #scope: Scope;

  constructor(deps: RenewerDeps) {
    this.#deps = deps;
    this.#scope = new Scope((name, error) => deps.log.error("certificate renewal stopped", { name, error }));
  }

  start(): void {
    this.#scope.spawn("renew", (signal) => this.#run(signal));
  }

  stop(): Promise<void> {
    return this.#scope.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { credentials, env, log } = this.#deps;
    const backoff = new Backoff(env, { firstMs: RETRY_FIRST_MS, maxMs: RETRY_MAX_MS });
    let dueMs = renewalDueMs(credentials.files.certificatePem, env);
    for (;;) {
      const waitMs = dueMs - env.wallNow();
      if (waitMs > 0) {
        await sleep(env, Math.min(waitMs, LOOK_MS), signal);
        continue;
      }
      try {
        await this.renew(signal);
        backoff.reset();
        dueMs = renewalDueMs(credentials.files.certificatePem, env);
      } catch (error) {
        if (signal.aborted) return;
        const retryMs = backoff.next();
        log.warn("certificate not renewed", { error: String(error), retryMs: Math.round(retryMs) });
        await sleep(env, retryMs, signal);
      }
    }
  }

  /** Now, whatever the present one's age: the node's role may have changed. @returns the role in the new one. */
  async renew(signal: AbortSignal): Promise<NodeRoleName> {
    const { stored, keystore, credentials, log } = this.#deps;
    const { identity } = stored;
    const { keyPem } = await createKeyPair();
    const csrPem = await createCsr(keyPem, identity.nodeId);
    const { certificatePem, rootCertificatePem, role } = await this.#issue(csrPem, signal);
    const files = { certificatePem, keyPem, rootCertificatePem };
    // Disk first: a certificate in use that the disk has not would be lost with the process.
    const newRole = role === "MANAGER" ? "manager" : "worker";
    await keystore.save({ identity: { ...identity, role: newRole }, files });
    credentials.update(files);
    log.info("certificate renewed", { validTo: new X509Certificate(certificatePem).validTo, role: newRole });
    return newRole;
  }

  async #issue(csrPem: string, signal: AbortSignal): Promise<Response<"CertificateAuthority.IssueNodeCertificate">> {
    const { dialer, managers } = this.#deps;
    let failure = new AppError("unavailable", "No manager is known");
    for (const address of managers()) {
      const channel = dialer.dial(address, { peer: { kind: "manager" }, profile: "control" });
      try {
        const options = { deadlineMs: ISSUE_TIMEOUT_MS, signal };
        return await call(channel, "CertificateAuthority.IssueNodeCertificate", { csrPem }, options);
      } catch (error) {
        failure = AppError.from(error);
      } finally {
        channel.close();
      }
    }
    throw failure;
  }
}

/** @returns Unix ms. */
export function renewalDueMs(certificatePem: string, env: Pick<Env, "random">): number {
  const { validFrom, validTo } = new X509Certificate(certificatePem);
  const fromMs = Date.parse(validFrom);
  const share = RENEW_FROM + env.random() * (RENEW_UNTIL - RENEW_FROM);
  return fromMs + (Date.parse(validTo) - fromMs) * share;
}
