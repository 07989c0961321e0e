# Sourced after engine.sh by scripts/up, scripts/down and scripts/failover: which cluster is meant, and how to reach its
# containers. Everything can be set from outside, so that a test runs its own cluster beside a user's.
#   SHOAL_PROJECT     name of the compose project (default shoal)
#   SHOAL_PORT_BASE   first port: gRPC of the managers on base, base+100, base+200, HTTP one above each (default 7377)
#   SHOAL_IMAGE       tag of the nodes' image (default shoal:local)

PROJECT="${SHOAL_PROJECT:-${COMPOSE_PROJECT_NAME:-shoal}}"
PORT_BASE="${SHOAL_PORT_BASE:-7377}"
CLUSTER_DIR="$SHOAL_STATE/clusters/$PROJECT"
export SHOAL_IMAGE="${SHOAL_IMAGE:-shoal:local}"
export SHOAL_PROJECT="$PROJECT" SHOAL_PORT_BASE="$PORT_BASE" SHOAL_CLUSTER_DIR="$CLUSTER_DIR"
export SHOAL_GRPC_PORT_1=$PORT_BASE SHOAL_HTTP_PORT_1=$((PORT_BASE + 1))
export SHOAL_GRPC_PORT_2=$((PORT_BASE + 100)) SHOAL_HTTP_PORT_2=$((PORT_BASE + 101))
export SHOAL_GRPC_PORT_3=$((PORT_BASE + 200)) SHOAL_HTTP_PORT_3=$((PORT_BASE + 201))

# The engine whose socket the workers get is the one this script talks to.
case "${DOCKER_HOST:-}" in
  unix://*) export SHOAL_ENGINE_SOCKET="${DOCKER_HOST#unix://}" ;;
esac

compose() { "${COMPOSE[@]}" -p "$PROJECT" -f "$ROOT/docker-compose.cluster.yml" "$@"; }

# The id of a service's container, running or not. By label: the two composes name containers differently.
container_of() {
  docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1" | head -n 1
}

cluster_containers() { docker ps -aq --filter "label=com.docker.compose.project=$PROJECT"; }

node_new_enough() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { fail "Node 20.19 or later with npm is needed: install it first"; return 1; }
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
    || { fail "Node 20.19 or later is needed, this is $(node --version)"; return 1; }
}

modules_ensure() {
  # npm writes this file last: newer than the lock file means that the tree fits it.
  [ node_modules/.package-lock.json -nt package-lock.json ] && return 0
  say "npm ci"
  npm ci --no-audit --no-fund --loglevel=error || { fail "npm ci failed: is the npm registry reachable?"; return 1; }
  touch node_modules/.package-lock.json
}

build_ensure() {
  if [ -f dist/src/main.js ] && [ -z "$(find src proto tsconfig.json tsconfig.build.json package.json -newer dist/src/main.js -print -quit)" ]; then
    return 0
  fi
  say "npm run build"
  npm run --silent build || { fail "the build failed: run npm run check to see why"; return 1; }
  touch dist/src/main.js
}

# Builds the nodes' image unless there is one of exactly this source. The label carries the source's hash: a build that
# only finds its cache warm would still cost seconds.
image_ensure() {
  local hash
  hash="$(find Dockerfile .dockerignore .npmrc package.json package-lock.json tsconfig.json tsconfig.build.json scripts/build.ts bin proto src \
    -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)"
  if [ "$(docker image inspect --format '{{index .Config.Labels "shoal.source"}}' "$SHOAL_IMAGE" 2>/dev/null)" = "$hash" ]; then
    return 0
  fi
  base_image_ensure || return 1
  say "building the image $SHOAL_IMAGE"
  # The classic builder: it takes a base image that only this engine has. The host's network: where only the machine
  # itself has a way to the npm registry, a bridge would not.
  if ! DOCKER_BUILDKIT=0 timeout 600 docker build --force-rm --network host --label "shoal.source=$hash" -t "$SHOAL_IMAGE" . \
    >"$SHOAL_STATE/image-build.log" 2>&1; then
    tail -n 20 "$SHOAL_STATE/image-build.log" >&2
    fail "building $SHOAL_IMAGE failed: see $SHOAL_STATE/image-build.log"
    return 1
  fi
  # What builds leave without a name: older results, and first stages but the newest two, which are the builder's cache.
  docker image prune -f --filter label=shoal.source >/dev/null 2>&1 || true
  docker images -q --filter dangling=true --filter label=shoal.stage=build | tail -n +3 | xargs -r docker rmi >/dev/null 2>&1 || true
}
