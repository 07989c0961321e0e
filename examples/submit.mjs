// Submits a service to a Shoal cluster from a plain gRPC client and waits until it runs.
//   node examples/submit.mjs [NAME] [REPLICAS] [IMAGE] [COMMAND...]
// Reaches the cluster by the current context (scripts/up writes one): addresses, certificate and key in one JSON file.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const home = process.env.SHOAL_CONFIG ?? join(homedir(), ".shoal");
const current = process.env.SHOAL_CONTEXT ?? readFileSync(join(home, "current"), "utf8").trim();
const context = JSON.parse(readFileSync(join(home, "contexts", `${current}.json`), "utf8"));
const [name = "hello", replicas = "2", image = "shoal/busybox:local", ...command] = process.argv.slice(2);

const protos = loadSync("shoal/v1/control.proto", {
  includeDirs: [new URL("../proto", import.meta.url).pathname],
  longs: Number,
  enums: String,
  defaults: true,
});
const { Control } = grpc.loadPackageDefinition(protos).shoal.v1;
const credentials = grpc.credentials.createSsl(
  Buffer.from(context.rootCertificatePem),
  Buffer.from(context.keyPem),
  Buffer.from(context.certificatePem),
);
// Every manager answers, and each proves that it is one.
const clients = context.hosts.map(
  (host) => new Control(host, credentials, { "grpc.ssl_target_name_override": "manager.shoal" }),
);

/** Asks one manager after the other; a change carries a request id, so asking again cannot do it twice. */
async function call(method, request) {
  let failure;
  for (const client of [...clients, ...clients]) {
    try {
      return await new Promise((resolve, reject) =>
        client[method](request, { deadline: Date.now() + 5000 }, (error, answer) =>
          error ? reject(error) : resolve(answer),
        ),
      );
    } catch (error) {
      if (error.code !== grpc.status.UNAVAILABLE) throw error;
      failure = error;
    }
  }
  throw failure;
}

// init: most programs ignore SIGTERM as process 1, and would take the grace period of 10 s to stop.
const task = { container: { image, args: command.length > 0 ? command : ["sleep", "3600"], init: true } };
const { service } = await call("CreateService", {
  requestId: randomUUID(),
  spec: { name, replicated: { replicas: Number(replicas) }, task },
});
console.log(`created ${service.spec.name} (${service.id})`);
const until = Date.now() + 60_000;
for (let running = 0; running < Number(replicas);) {
  if (Date.now() > until) throw new Error(`it does not run yet; find out with: shoal why ${name}`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  ({ running } = await call("GetService", { id: service.id }));
  console.log(`${running} of ${replicas} running`);
}
for (const client of clients) client.close();
