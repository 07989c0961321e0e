/** Words that Docker's users try here, and what does it: better than the nearest word, which for `info` is `init`. */
const LOGS = "shoal service logs SERVICE, or TASK";
const EXEC = "shoal service ps SERVICE says which node a task is on: docker exec there";
const SCALE = "shoal service scale SERVICE=REPLICAS, 0 to stop it";

const INSTEAD: Readonly<Record<string, string>> = {
  "shoal ls": "shoal service ls",
  "shoal ps": "shoal task ls, or of one service: shoal service ps SERVICE",
  "shoal run": "shoal service create --name NAME IMAGE [ARG...]",
  "shoal create": "shoal service create --name NAME IMAGE [ARG...]",
  "shoal logs": LOGS,
  "shoal inspect": "shoal service inspect SERVICE; shoal task inspect TASK; shoal node inspect NODE",
  "shoal exec": EXEC,
  "shoal scale": SCALE,
  "shoal stop": SCALE,
  "shoal update": "shoal service update SERVICE",
  "shoal rm": "shoal service rm SERVICE",
  "shoal info": "shoal cluster info",
  "shoal status": "shoal cluster info, or shoal service ls",
  "shoal version": "shoal --version",
  "shoal swarm": "shoal init, join and leave; tokens are in: shoal cluster join-token",
  "shoal stack": "there are no stack files: shoal service create --help",
  "shoal compose": "there are no stack files: shoal service create --help",
  "shoal volume":
    "there is no command for volumes: shoal service create --mount makes them, docker volume on a node lists them",
  "shoal network": "there are no networks: a published port is open on its task's node",
  "shoal secret": "there are no secrets: --env-file or --mount of shoal service create",
  "shoal config": "there are no configs: --env-file or --mount of shoal service create",
  "shoal service list": "shoal service ls",
  "shoal service remove": "shoal service rm SERVICE",
  "shoal service delete": "shoal service rm SERVICE",
  "shoal service stop": SCALE,
  "shoal service start": SCALE,
  "shoal service exec": EXEC,
  "shoal node list": "shoal node ls",
  "shoal node remove": "shoal node rm NODE",
  "shoal task stop": "shoal task rm TASK ends it, and its service starts another one",
  "shoal task kill": "shoal task rm TASK ends it, and its service starts another one",
  "shoal task restart": "shoal task rm TASK ends it, and its service starts another one",
  "shoal task delete": "shoal task rm TASK",
  "shoal task remove": "shoal task rm TASK",
  "shoal task list": "shoal task ls",
  "shoal task ps": "shoal task ls",
  "shoal task logs": LOGS,
  "shoal task exec": EXEC,
};

/** Flags of docker service create and update that are not there, for the same reason wherever they stand. */
const FLAGS: Readonly<Record<string, string>> = {
  "--network":
    "there are no networks: a published port is open on its task's node (service ps), and tasks reach it there",
  "--secret": "there are no secrets: use --env-file, or --mount a file of the node",
  "--config": "there are no configs: use --env, or --mount a file of the node",
  "--with-registry-auth": "there are no registry logins: docker login and docker pull on the nodes, then --pull never",
  "--pretty": "shoal service ls, ps and history are for reading, and shoal why; inspect shows all, in JSON",
};

/**
 * @param parent the command after which the word was not known, like `shoal service`
 * @param word a command or a flag
 * @returns what to call instead; null where there is nothing better than its help.
 */
export function instead(parent: string, word: string): string | null {
  if (Object.hasOwn(FLAGS, word)) return FLAGS[word] ?? null;
  const path = `${parent} ${word}`;
  return Object.hasOwn(INSTEAD, path) ? (INSTEAD[path] ?? null) : null;
}
