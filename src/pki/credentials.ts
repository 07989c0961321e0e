/** The node's certificate and key as they are now, for every connection made from now on. */
import type { TlsMaterial, TlsSource } from "../proto/grpc-tls.ts";
import type { CredentialFiles } from "./types.ts";

/** Connections that exist stay on the certificate they were made with. */
export class RotatingCredentials implements TlsSource {
  readonly #listeners = new Set<() => void>();
  #files: CredentialFiles;

  constructor(files: CredentialFiles) {
    this.#files = files;
  }

  get files(): CredentialFiles {
    return this.#files;
  }

  current(): TlsMaterial {
    const { rootCertificatePem, certificatePem, keyPem } = this.#files;
    return { rootCertificatePem, identity: { certificatePem, keyPem } };
  }

  update(files: CredentialFiles): void {
    this.#files = files;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A joiner's: no certificate of its own; with a root it verifies the server, with null it does not. */
export function bootstrapCredentials(rootCertificatePem: string | null): TlsSource {
  return { current: () => ({ rootCertificatePem, identity: null }), onChange: () => () => undefined };
}
