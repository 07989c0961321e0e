// npm run bench -- writes|reads [--clients 1,16,64,256] [--rounds 5] [--seconds 3] [--no-etcd]
// npm run bench -- profile [--clients 64] [--seconds 10]
// npm run bench -- failover [--runs 50] [--clients 8] [--how sigkill|sigterm]
// npm run bench -- scale [--services 1000] [--replicas 100] [--nodes 20] [--runs 5] [--phases memory,...] [--prof]
// npm run bench -- place [--tasks 10000] [--nodes 100] [--rounds 5]
// npm run bench -- day [--events create-10,node-lost] [--rounds 5]
// One JSON object a line on standard output; progress on standard error.
import { parseArgs } from "node:util";

import { cleanUpWhenInterrupted } from "../lib/interruption.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string" },
    "no-etcd": { type: "boolean", default: false },
    runs: { type: "string" },
    services: { type: "string", default: "1000" },
    replicas: { type: "string", default: "100" },
    nodes: { type: "string" },
    tasks: { type: "string", default: "10000" },
    phases: { type: "string", default: "memory,follower,leader,snapshot,catch-up,memory" },
    prof: { type: "boolean", default: false },
    events: { type: "string" },
    how: { type: "string", default: "sigkill" },
  },
});

cleanUpWhenInterrupted();
switch (positionals[0]) {
  case "writes":
  case "reads": {
    if (await endedElsewhere()) break;
    const { benchReads, benchWrites } = await import("./beside-etcd.ts");
    const options = {
      clients: (values.clients ?? "1,16,64,256").split(",").map(Number),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds ?? "3"),
      etcd: !values["no-etcd"],
    };
    await (positionals[0] === "writes" ? benchWrites(options) : benchReads(options));
    break;
  }
  case "profile": {
    if (await endedElsewhere()) break;
    const { benchProfile } = await import("./profile.ts");
    await benchProfile({ clients: Number(values.clients ?? "64"), seconds: Number(values.seconds ?? "10") });
    break;
  }
  case "failover": {
    if (await endedElsewhere()) break;
    const { benchFailover } = await import("./failover.ts");
    await benchFailover({
      runs: Number(values.runs ?? "50"),
      clients: Number(values.clients ?? "8"),
      how: values.how === "sigterm" ? "sigterm" : "sigkill",
    });
    break;
  }
  case "scale": {
    const { benchScale } = await import("./scale.ts");
    await benchScale({
      services: Number(values.services),
      replicas: Number(values.replicas),
      nodes: Number(values.nodes ?? "20"),
      phases: values.phases.split(","),
      runs: Number(values.runs ?? "5"),
      nodeArgs: values.prof ? ["--cpu-prof", "--cpu-prof-dir", "/tmp/shoal-profiles"] : [],
    });
    break;
  }
  case "day": {
    const { benchDay, DAY_EVENTS } = await import("./day.ts");
    const asked = values.events?.split(",");
    const events = DAY_EVENTS.filter((event) => asked === undefined || asked.includes(event));
    if (!(await benchDay({ events, rounds: Number(values.rounds) }))) process.exitCode = 1;
    break;
  }
  case "place": {
    const { benchPlace } = await import("./place.ts");
    const { tasks, nodes = "100", rounds } = values;
    benchPlace({ tasks: Number(tasks), nodes: Number(nodes), rounds: Number(rounds) });
    break;
  }
  default:
    process.stderr.write("Which benchmark? writes, reads, profile, failover, scale, place, day\n");
    process.exitCode = 64;
}

/** Ran on the image's Node, with its code. */
async function endedElsewhere(): Promise<boolean> {
  const { againOnImageNode } = await import("./image-node.ts");
  const code = await againOnImageNode();
  if (code !== null) process.exitCode = code;
  return code !== null;
}
