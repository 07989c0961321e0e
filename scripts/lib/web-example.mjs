// The example web service where there are no containers: a page that names its process, on the port it is given.
import { createServer } from "node:http";
import { hostname } from "node:os";

const port = Number(process.env.SHOAL_PORT_8080 ?? process.env.PORT ?? process.argv[2] ?? 8080);
const name = process.env.SHOAL_TASK_NAME ?? `process ${process.pid}`;
createServer((_, response) => response.end(`Hello from ${name} on ${hostname()}\n`)).listen(port, "0.0.0.0");
