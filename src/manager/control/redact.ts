/** What never leaves a manager through the API. */
import type { Cluster } from "../../model/index.ts";

export function withoutSecrets(cluster: Cluster): Cluster {
  return { ...cluster, rootKeyPem: "", workerTokenSecret: "", managerTokenSecret: "" };
}
