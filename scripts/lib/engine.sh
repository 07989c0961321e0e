# Sourced by scripts/up, scripts/down and scripts/test: a Docker engine and the two images without which nothing runs;
# and by benchmarks that run beside etcd.
# It works before `npm ci`, so it is shell. Everything it writes is below .shoal/ in the checkout, and it stops only an
# engine it started itself. The caller sets -euo pipefail and ROOT.

SHOAL_STATE="${SHOAL_STATE_DIR:-$ROOT/.shoal}"
ENGINE_DIR="$SHOAL_STATE/engine"
CACHE_DIR="${SHOAL_CACHE_DIR:-$SHOAL_STATE/cache}"
BASE_IMAGE="node:24-bookworm-slim"
WORKLOAD_IMAGE="shoal/busybox:local"

# Deadlines in seconds. An engine is ready after about 2; a pull that prints no layer within PULL_FIRST has no registry.
ENGINE_READY_MAX=60
ENGINE_STOP_MAX=20
PULL_FIRST=10
PULL_MAX=240
APT_MAX=420

say() { printf '%s\n' "-- $*"; }
fail() { printf '%s\n' "error: $*" >&2; return 1; }
seconds_since() { echo $((SECONDS - $1)); }

# docker, never waiting longer than a few seconds for an engine that hangs.
engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Sets COMPOSE to the plugin or to the older program, whichever there is.
compose_find() {
  if docker compose version >/dev/null 2>&1; then
    COMPOSE=(docker compose)
  elif command -v docker-compose >/dev/null 2>&1; then
    COMPOSE=(docker-compose)
  else
    return 1
  fi
}

# packages_ensure PROGRAM:PACKAGE... installs the packages of the programs that are missing.
packages_ensure() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -eq 0 ] || packages_install "${missing[@]}"
}

packages_install() {
  local missing=("$@")
  [ "$(id -u)" = 0 ] || { fail "these Debian packages are missing and only root can install them: ${missing[*]}"; return 1; }
  command -v apt-get >/dev/null 2>&1 || { fail "install these by hand, there is no apt-get here: ${missing[*]}"; return 1; }
  say "installing ${missing[*]}"
  local log="$SHOAL_STATE/apt.log"
  mkdir -p "$SHOAL_STATE"
  # needrestart and debconf would ask questions; a service that cannot be started (no init system) is no failure.
  if ! (
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
    timeout "$APT_MAX" apt-get -o DPkg::Lock::Timeout=60 update \
      && timeout "$APT_MAX" apt-get -o DPkg::Lock::Timeout=60 install -y --no-install-recommends "${missing[@]}"
  ) >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    fail "apt-get could not install ${missing[*]}: see $log"
    return 1
  fi
}

# For benchmarks. Debian starts a service as it installs it, and again at every boot; nobody asked for that here.
etcd_ensure() {
  local policy=/usr/sbin/policy-rc.d made=no rc=0
  command -v etcd >/dev/null 2>&1 && return 0
  if [ "$(id -u)" = 0 ] && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
  fi
  packages_install etcd-server || rc=1
  [ "$made" = no ] || rm -f "$policy"
  [ "$rc" = 1 ] || systemctl disable etcd >/dev/null 2>&1 || true # no init system, no service
  return "$rc"
}

# An engine that answers: the one there is, or one of our own. Returns 1 where none can be had.
engine_ensure() {
  packages_ensure docker:docker.io || return 1
  if ! engine_answers; then
    if [ -n "${DOCKER_HOST:-}" ]; then
      fail "no engine answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset DOCKER_HOST"
      return 1
    fi
    [ "$(id -u)" = 0 ] || { fail "no Docker engine answers and only root can start one: run as root, or start it"; return 1; }
    packages_ensure dockerd:docker.io iptables:iptables || return 1
    engine_start || return 1
  fi
  compose_find || { packages_ensure docker-compose:docker-compose && compose_find; }
}

engine_start() {
  local log="$ENGINE_DIR/dockerd.log" start=$SECONDS pid
  mkdir -p "$ENGINE_DIR"
  # Installing the package may have started one by the init system; that one is not ours to stop.
  local _
  for _ in 1 2 3; do
    engine_answers && return 0
    pgrep -x dockerd >/dev/null 2>&1 || break
    sleep 1
  done
  say "starting a Docker engine (log: $log)"
  setsid dockerd --pidfile "$ENGINE_DIR/dockerd.pid" >>"$log" 2>&1 </dev/null &
  pid=$!
  while ! engine_answers; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 5 "$log" >&2
      rm -f "$ENGINE_DIR/dockerd.pid"
      fail "the Docker engine did not start: see $log"
      return 1
    fi
    if [ "$(seconds_since "$start")" -ge "$ENGINE_READY_MAX" ]; then
      engine_stop
      fail "the Docker engine was not ready within $ENGINE_READY_MAX s: see $log"
      return 1
    fi
    sleep 0.3
  done
}

# Stops the engine we started, if we did. The pid is checked against the program's name: pids are used again.
engine_stop() {
  local file="$ENGINE_DIR/dockerd.pid" pid start=$SECONDS
  [ -f "$file" ] || return 0
  pid="$(cat "$file")"
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
    say "stopping the Docker engine that scripts/up started"
    kill -TERM "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
      if [ "$(seconds_since "$start")" -ge "$ENGINE_STOP_MAX" ]; then
        kill -KILL "$pid" 2>/dev/null || true
        break
      fi
      sleep 0.2
    done
  fi
  rm -f "$file"
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# Pulls when a registry answers soon; an engine without a route to one would wait 20 s for DNS again and again.
image_pull() {
  local image="$1" start=$SECONDS log pid rc=1
  log="$(mktemp "${SHOAL_SCRATCH:-${TMPDIR:-/tmp}}/shoal-pull.XXXXXX")"
  docker pull "$image" >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    local max=$PULL_FIRST
    grep -q 'Pulling from' "$log" && max=$PULL_MAX
    if [ "$(seconds_since "$start")" -ge "$max" ]; then
      kill "$pid" 2>/dev/null || true
      break
    fi
    sleep 0.2
  done
  wait "$pid" 2>/dev/null && rc=0
  rm -f "$log"
  [ "$rc" = 0 ] && image_exists "$image"
}

base_image_ensure() {
  image_exists "$BASE_IMAGE" && return 0
  if [ -f "$CACHE_DIR/base.tar" ]; then
    say "loading $BASE_IMAGE from $CACHE_DIR"
    base_image_import "$CACHE_DIR/base.tar" && return 0
    rm -f "$CACHE_DIR/base.tar"
  fi
  say "pulling $BASE_IMAGE"
  image_pull "$BASE_IMAGE" && return 0
  say "no registry answers: making $BASE_IMAGE from Debian and npm packages (about 60 s, once)"
  base_image_make
}

base_image_import() {
  # The certificates in it are this machine's, which may stand behind a proxy of its own; Node reads no system store.
  docker import --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'CMD ["node"]' --change 'LABEL shoal.base=local' "$1" "$BASE_IMAGE" >/dev/null
}

# A stand-in for the official image, good enough for our Dockerfile: Debian's minimal system, Node 24 and npm.
base_image_make() {
  [ "$(id -u)" = 0 ] || { fail "making the base image needs root"; return 1; }
  packages_ensure debootstrap:debootstrap || return 1
  local work rc=0
  work="$(mktemp -d "${SHOAL_SCRATCH:-${TMPDIR:-/tmp}}/shoal-base.XXXXXX")"
  mkdir -p "$CACHE_DIR"
  base_image_fill "$work/root" "$work" >"$SHOAL_STATE/base-image.log" 2>&1 || rc=1
  if [ "$rc" = 0 ]; then
    tar -C "$work/root" --numeric-owner -cf "$work/base.tar" . && base_image_import "$work/base.tar" || rc=1
  fi
  # Moved into the cache only when complete: a half-written file there would be believed the next time.
  [ "$rc" = 0 ] && mv "$work/base.tar" "$CACHE_DIR/base.tar"
  umount "$work/root/proc" 2>/dev/null || true # debootstrap leaves it mounted when it is interrupted
  rm -rf --one-file-system "$work"
  [ "$rc" = 0 ] || { tail -n 5 "$SHOAL_STATE/base-image.log" >&2; fail "could not make $BASE_IMAGE: see $SHOAL_STATE/base-image.log"; }
}

base_image_fill() {
  local root="$1" work="$2" arch npm_dir
  case "$(uname -m)" in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) echo "no Node binary is known for $(uname -m)"; return 1 ;;
  esac
  # shellcheck disable=SC2046 # no mirror found: debootstrap's own default
  timeout 300 debootstrap --variant=minbase --include=ca-certificates bookworm "$root" $(debian_mirror) || return 1
  (cd "$work" && timeout 180 npm pack --silent "node-linux-$arch@24") || return 1
  tar -C "$work" -xzf "$work"/node-linux-"$arch"-*.tgz package/bin/node || return 1
  install -m 755 "$work/package/bin/node" "$root/usr/local/bin/node" || return 1
  npm_dir="$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -a "$npm_dir" "$root/usr/local/lib/node_modules/npm" || return 1
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  rm -rf "$root/etc/ssl/certs" && cp -aL /etc/ssl/certs "$root/etc/ssl/certs" || return 1
  chroot "$root" useradd --uid 1000 --user-group --create-home --shell /bin/bash node || return 1
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/usr/share/doc/* "$root"/usr/share/man/* \
    "$root"/usr/share/locale/* "$root"/usr/local/lib/node_modules/npm/{docs,man}
}

# The machine's own source for Debian 12, from either format of apt's lists; third-party lists are passed over.
debian_mirror() {
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk 'BEGIN { RS = ""; FS = "\n" } {
      uri = ""; suite = 0; main = 0
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^URIs:/) { split($i, u, /[ \t]+/); uri = u[2] }
        if ($i ~ /^Suites:.*[ \t]bookworm([ \t]|$)/) suite = 1
        if ($i ~ /^Components:.*[ \t]main([ \t]|$)/) main = 1
      }
      if (suite && main && uri != "") { print uri; exit }
    }' "$file"
  done | head -n 1 | grep . && return 0
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null \
    | sed -nE 's/^deb[ \t]+(\[[^]]*\][ \t]+)?([^ \t]+)[ \t]+bookworm[ \t]+main.*/\2/p' | head -n 1 || true # not every pattern matches a file
}

# A small workload: busybox with its web server. `serve` answers with the name of its container, so that one sees which
# replica answered.
workload_image_ensure() {
  image_exists "$WORKLOAD_IMAGE" && return 0
  packages_ensure busybox:busybox-static || return 1
  # The package `busybox` brings a dynamic one, of no use alone in an image; apt swaps it for the static one.
  if ldd "$(command -v busybox)" >/dev/null 2>&1; then packages_install busybox-static || return 1; fi
  say "making the workload image $WORKLOAD_IMAGE"
  local work busybox name rc=0
  work="$(mktemp -d "${SHOAL_SCRATCH:-${TMPDIR:-/tmp}}/shoal-busybox.XXXXXX")"
  busybox="$(command -v busybox)"
  mkdir -p "$work/bin" "$work/www" "$work/tmp" "$work/etc"
  cp "$busybox" "$work/bin/busybox"
  for name in sh sleep httpd nc wget nslookup cat echo ls ps kill env date hostname head tail grep sed awk true false \
    mkdir rm touch dd yes seq id test wc tr; do
    ln -s busybox "$work/bin/$name"
  done
  echo 'root:x:0:0:root:/:/bin/sh' >"$work/etc/passwd"
  cat >"$work/bin/serve" <<'EOF'
#!/bin/sh
# serve [PORT]: a web page that names this container.
echo "Hello from $(hostname)${SHOAL_TASK_NAME:+ ($SHOAL_TASK_NAME)}" > /www/index.html
exec httpd -f -p "${1:-8080}" -h /www
EOF
  chmod 755 "$work/bin/serve"
  tar -C "$work" -c . | docker import --change 'ENV PATH=/bin' --change 'CMD ["sh"]' --change 'LABEL shoal.base=local' \
    - "$WORKLOAD_IMAGE" >/dev/null || rc=1
  rm -rf "$work"
  return "$rc"
}
