/** Words that Docker's users try here, and what does it: better than the nearest word, which for `info` is `init`. */
const LOGS = "shoal service logs SERVICE, or TASK";
const EXEC = "shoal service ps SERVICE says which node a task is on: docker exec there";
const SCALE = "shoal service scale SERVICE=REPLICAS, 0 to stop it";

const LOGINS = "there are no registry logins: docker login and docker pull on the nodes, then --pull never";

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
  "shoal rm": "shoal service rm SERVICE, or one task: shoal task rm TASK",
  "shoal kill": "shoal task rm TASK ends it, and its service starts another one",
  "shoal restart": "shoal service restart SERVICE, or one task: shoal task rm TASK",
  "shoal rollback": "shoal service rollback SERVICE",
  "shoal pull": "nodes pull what their tasks need: --pull of shoal service create",
  "shoal images": "images are the nodes': docker image ls there",
  "shoal login": LOGINS,
  "shoal system": "shoal events, shoal cluster info; nodes collect images that no container uses when their disks fill",
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

const NETWORKS =
  "there are no networks: a published port is open on its task's node (service ps), and tasks reach it there";
const SECRETS = "there are no secrets: use --env-file, or --mount a file of the node";
const CONFIGS = "there are no configs: use --env, or --mount a file of the node";
const ULIMITS = "limits of this kind are the engine's: default-ulimits in the daemon.json of the nodes";
const RESOLVERS =
  "names are resolved as the engine does: dns in the daemon.json of the nodes, or --add-host for single names";
const GROUPS = "there are no further groups: --user USER:GROUP sets the one";
const WINDOWS = "it is for Windows containers, which are not run here";
const MEMORY = "the engine's default holds; --limit-memory and --reserve-memory are there";

/** Flags of docker service create and update that are not there, for the same reason wherever they stand. */
const FLAGS: Readonly<Record<string, string>> = {
  "--network": NETWORKS,
  "--network-add": NETWORKS,
  "--network-rm": NETWORKS,
  "--endpoint-mode": NETWORKS,
  "--secret": SECRETS,
  "--secret-add": SECRETS,
  "--secret-rm": SECRETS,
  "--config": CONFIGS,
  "--config-add": CONFIGS,
  "--config-rm": CONFIGS,
  "--ulimit": ULIMITS,
  "--ulimit-add": ULIMITS,
  "--ulimit-rm": ULIMITS,
  "--dns": RESOLVERS,
  "--dns-add": RESOLVERS,
  "--dns-rm": RESOLVERS,
  "--dns-option": RESOLVERS,
  "--dns-option-add": RESOLVERS,
  "--dns-option-rm": RESOLVERS,
  "--dns-search": RESOLVERS,
  "--dns-search-add": RESOLVERS,
  "--dns-search-rm": RESOLVERS,
  "--group": GROUPS,
  "--group-add": GROUPS,
  "--group-rm": GROUPS,
  "--credential-spec": WINDOWS,
  "--isolation": WINDOWS,
  "--memory-swap": MEMORY,
  "--memory-swappiness": MEMORY,
  "--oom-score-adj": MEMORY,
  "--no-resolve-image": "leave it out: images are looked up by the nodes that pull them (--pull)",
  "--no-resolve": "leave it out; --no-trunc shows whole ids",
  "--with-registry-auth": LOGINS,
  "--role": "shoal node promote NODE makes a manager of it, shoal node demote NODE a worker",
  "--advertise-addr": "--advertise HOST:PORT",
  "--listen-addr": "it is the daemon's: shoal daemon --listen HOST:PORT",
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
