/**
 * The small shell program between the agent and a process, so that a restart of the agent loses neither. One shim a
 * process; it needs a POSIX sh, dd, mkfifo and setsid, and a /proc.
 *
 *   agent -> shim (own session) -> setsid -> the process (own session and process group)
 *              \-> two copiers: pipe -> DIR/log/out.N, DIR/log/err.N
 *
 * DIR/run/ is one attempt: `shim` and `pid` hold "PID START BOOT" (START is field 22 of /proc/PID/stat, so that a
 * reused pid is never taken for ours), `exit` the exit status (128 + n for signal n), `out.end` and `err.end` that the
 * copiers are done. Making DIR/run is the lock: a second shim for the same attempt goes away.
 *
 * Bounds: a segment is closed once it has SEGMENT_BYTES, at most one batch (1 MiB) later, and SEGMENTS_KEPT are kept.
 * dd is what writes because it passes on what it reads at once, however little, and a full disk costs log lines
 * instead of a broken pipe in the process.
 */
export const SEGMENT_BYTES = 10 * 1024 * 1024;
export const SEGMENTS_KEPT = 3;

export const SHIM = `# Written by shoal; see src/agent/executor/process/shim.ts.
mode=$1; dir=$2; shift 2
run=$dir/run; log=$dir/log

identity() {
  read -r stat <"/proc/$1/stat" && read -r boot </proc/sys/kernel/random/boot_id || return 1
  set -- "$1" \${stat##*) }
  echo "$1 \${21} $boot"
}

record() {
  identity $$ >"$run/$1.tmp" && mv "$run/$1.tmp" "$run/$1"
}

copy() {
  # By where it is, not by name: the mark at the end must not land in the folder of a later attempt.
  cd "$run" || exit 1
  n=0
  for f in "$log/$1".*; do
    k=\${f##*.}
    [ -e "$f" ] && [ "$k" -gt "$n" ] && n=$k
  done
  n=$((n + 1)); size=0; : >"$log/$1.$n"
  while :; do
    if dd bs=65536 count=16 2>/dev/null >>"$log/$1.$n"; then
      now=$(stat -c %s "$log/$1.$n" 2>/dev/null || wc -c <"$log/$1.$n")
      [ "$((now))" -gt "$size" ] || break
      size=$((now))
    else
      # A file that cannot be opened (no room for it, its folder is gone) reads nothing: what comes is let go, so that
      # the process goes on, nothing here spins, and the end is seen.
      [ "$(dd bs=65536 count=1 2>/dev/null | wc -c)" -gt 0 ] || break
    fi
    if [ "$size" -ge ${SEGMENT_BYTES} ]; then
      n=$((n + 1)); size=0; : >"$log/$1.$n"; rm -f "$log/$1.$((n - ${SEGMENTS_KEPT}))"
    fi
  done
  : >"$1.end"
}

case $mode in
run)
  mkdir "$run" 2>/dev/null || exit 0
  record shim
  mkdir -p "$log"
  # Room for the exit status, so that it can be written when the disk is full.
  echo "    " >"$run/exit.tmp"
  mkfifo "$run/out" "$run/err" || exit 1
  copy out <"$run/out" &
  copy err <"$run/err" &
  # In the foreground: a shell makes what it puts in the background ignore SIGINT and SIGQUIT.
  setsid sh "$0" exec "$dir" "$@" </dev/null >"$run/out" 2>"$run/err"
  code=$?
  echo "$code" 1<>"$run/exit.tmp" && mv "$run/exit.tmp" "$run/exit"
  ;;
exec)
  # Nobody would know of a process whose pid could not be written.
  record pid || exit 1
  exec "$@"
  ;;
esac
`;
