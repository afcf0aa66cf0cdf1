# What .ci/run and tools/check-all share: checks with a name and a budget of minutes, run one after another, and a table of what
# each took. Sourced; the script that sources it defines a function a check, declares it, and ends with `run_checks "$@"`:
#
#     check NAME MINUTES WHAT      the function check_NAME, which runs with `set -euo pipefail`
#     run_checks [--list] [--resume] [NAME…]
#
# --resume leaves out what passed at this very commit, with nothing changed since. A check that fails does not keep the others from
# running; any failure, and more than minutes_max in all (where it is set), makes the exit status 1. One check over its own budget is
# said and fails nothing: the machine may be busy. What each printed is in build/checks/NAME.log.

names=()
declare -A budgets texts

check() { names+=("$1"); budgets[$1]=$2; texts[$1]=$3; }

tree_now() { git rev-parse HEAD; git status --porcelain; git diff HEAD | sha256sum; }

minutes() { awk -v seconds="$1" 'BEGIN { printf "%.1f", seconds / 60 }'; }

# One check in a shell of its own: inside `if`, `set -e` would hold for none of its commands.
run_check() {
  local name=$1 log=build/checks/$1.log state=failed wall user system note
  rm -f "build/checks/$name.passed"
  echo "== $name: ${texts[$name]} (budget ${budgets[$name]} min)"
  local TIMEFORMAT='%R %U %S'
  { time bash "$0" --one "$name" 2>&1 3>&- | tee "$log" >&3; } 3>&1 2>build/checks/seconds && state=good
  read -r wall user system < <(tail -n 1 build/checks/seconds)
  note=$(grep -hE '[0-9]+% tests passed' "$log" | tail -n 1 || true)
  [ "$state" = failed ] || tree_now >"build/checks/$name.passed"
  report "$name" "$state" "$wall" "$(awk "BEGIN { print $user + $system }")" "$note"
}

report() {  # NAME STATE WALL_SECONDS CPU_SECONDS NOTE
  local over=
  awk -v took="$3" -v most="${budgets[$1]}" 'BEGIN { exit !(took > most * 60) }' && over=" OVER BUDGET"
  rows+=("$(printf '%-14s %-7s %7s %7s %7s%s%s' "$1" "$2" "$(minutes "$3")" "$(minutes "$4")" "${budgets[$1]}" "$over" "${5:+  $5}")")
  echo "== ${rows[-1]}"
  [ "$2" != failed ] || failed+=("$1")
  total=$(awk "BEGIN { print $total + $3 }")
}

run_checks() {
  local chosen=() resume= name rows=() failed=() total=0
  if [ "${1:-}" = --one ]; then
    set -euo pipefail
    "check_$2"
    return
  fi
  for name in "$@"; do
    case $name in
      --list) for name in "${names[@]}"; do printf '%-14s %4s min  %s\n' "$name" "${budgets[$name]}" "${texts[$name]}"; done; return ;;
      --resume) resume=1 ;;
      *) [ -n "${budgets[$name]:-}" ] || { echo "${0##*/}: no check '$name'; --list names them" >&2; return 2; }
         chosen+=("$name") ;;
    esac
  done
  [ ${#chosen[@]} -gt 0 ] || chosen=("${names[@]}")
  mkdir -p build/checks
  for name in "${chosen[@]}"; do
    if [ -n "$resume" ] && [ "$(tree_now)" = "$(cat "build/checks/$name.passed" 2>/dev/null)" ]; then
      rows+=("$(printf '%-14s %-7s' "$name" before)")
      continue
    fi
    run_check "$name"
  done
  printf '\n%-14s %-7s %7s %7s %7s\n' check result minutes cpu-min budget
  printf '%s\n' "${rows[@]}"
  printf '%-14s %-7s %7s %7s %7s\n' "in all" "" "$(minutes "$total")" "" "${minutes_max:-}"
  if [ ${#failed[@]} -gt 0 ]; then
    echo "${0##*/}: failed: ${failed[*]}"
    return 1
  fi
  if [ -n "${minutes_max:-}" ] && awk "BEGIN { exit !($total > $minutes_max * 60) }"; then
    echo "${0##*/}: every check is good, but they took more than $minutes_max minutes"
    return 1
  fi
  echo "${0##*/}: ${#chosen[@]} checks are good"
}

# A sweep on two cores. A shard that is there already is whole, and is kept.
sweep_in_two() {  # PROGRAM SEEDS FOLDER
  mkdir -p "$3"
  local shard pids=()
  for shard in 0 1; do
    [ -e "$3/shard-$shard.json" ] || { HAVKLO=$1 SHARD=$shard SHARDS=2 tools/sweep.sbatch "$2" "$3" & pids+=($!); }
  done
  for shard in "${pids[@]}"; do wait "$shard"; done
  "$1" merge "$3"/shard-*.json
}
