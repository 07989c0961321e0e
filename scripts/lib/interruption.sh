# Sourced by scripts/up and scripts/test: work that an interruption (SIGINT, SIGTERM) ends whole, so that what it made can
# be removed. The caller may define `on_interrupt`, which removes it, and has an EXIT trap for what goes in any case.

INTERRUPTED_GRACE=60
WORK=

# Outside of `interruptible` too: bash goes on where the program that was interrupted with it ended by a code.
exit_when_interrupted() {
  trap 'exit 130' INT
  trap 'exit 143' TERM
}
exit_when_interrupted

# Whether anything of a process group still runs. Zombies do not: process 1 may be slow to reap them.
group_runs() {
  # Some process always ends between the list and its turn: sed's code says nothing.
  { sed -E 's/^[0-9]+ \(.*\) //' /proc/[0-9]*/stat 2>/dev/null || true; } |
    awk -v group="$1" '$3 == group && $1 != "Z" { found = 1 } END { exit !found }'
}

# scratch_make NAME: a folder for temporary files, in SHOAL_SCRATCH; scratch_remove takes it away with what is mounted in it.
scratch_make() {
  SHOAL_SCRATCH="$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")"
  export SHOAL_SCRATCH
}
scratch_remove() {
  [ -n "${SHOAL_SCRATCH:-}" ] || return 0
  { grep -F " $SHOAL_SCRATCH/" /proc/mounts || true; } | cut -d' ' -f2 | sort -r | xargs -r umount -l
  rm -rf --one-file-system "$SHOAL_SCRATCH"
}

# interruptible COMMAND...: runs it to its end, in a process group of its own: only then can everything it started be
# ended, and only so does a signal not wait for whatever runs at the moment. Returns its code.
interruptible() {
  local code=0
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  set -m
  "$@" &
  WORK=$!
  set +m
  wait "$WORK" || code=$?
  WORK=
  exit_when_interrupted
  return "$code"
}

# A second signal ends the script at once.
interrupted() {
  local code="$1" waited=0
  exit_when_interrupted
  if [ -n "$WORK" ]; then
    kill -TERM -- "-$WORK" 2>/dev/null || true
    while group_runs "$WORK" && [ "$waited" -lt $((INTERRUPTED_GRACE * 10)) ]; do
      sleep 0.1
      waited=$((waited + 1))
    done
    kill -KILL -- "-$WORK" 2>/dev/null || true
  fi
  if [ "$(type -t on_interrupt)" = function ]; then on_interrupt || true; fi
  exit "$code"
}
