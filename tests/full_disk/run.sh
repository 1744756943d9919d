#!/usr/bin/env bash
# A disk that is full to the last byte, under load: commits are refused with DISK_FULL and with nothing else, reads are
# answered, and commits go on by themselves when there is room. The disk is a small file system in memory.
#   tests/full_disk/run.sh DIR PROGRAM    DIR: an empty directory to mount it on
# Needs root, in a mount namespace of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${3:-}" != mounted ]; then exec unshare --mount "$0" "$1" "$2" mounted; fi
disk=$1 program=$2
mount -t tmpfs -o size=400m tmpfs "$disk"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT
fail() {
  echo "$1" >&2
  exit 1
}
export ONESTOP_DISK_RESERVE_MIB=32
log=$(mktemp)
touch "$log.out"
start() {
  : >"$log.out" # or the address of the server before would be read
  "$program" serve --create --listen 127.0.0.1:0 --store "$disk/store" >"$log.out" 2>>"$log" &
  server=$!
  until grep -q '^onestop serves on' "$log.out"; do
    kill -0 "$server" || { cat "$log" >&2; exit 1; }
    sleep 0.02
  done
  ONESTOP_SERVER=$(grep -o 'http://[0-9.:]*' "$log.out" | head -1)
  export ONESTOP_SERVER
}
stop() {
  kill -TERM "$server"
  wait "$server"
  server=
}
load() {
  "$program" load --server "$ONESTOP_SERVER" --name DISK --persons 50 --hospitals 1 "$@"
}
# settle_for SECONDS FILE: settles with eight callers; the report goes to the file
settle_for() {
  load --prepared --callers 8 --seconds "$1" --json >"$2" 2>"$2.errors" || [ $? = 1 ] || fail "settling ended otherwise: $(cat "$2.errors")"
}
# only FILE WHAT: whether a report has only settlements, only refusals because the disk is full, or both; prints it
only() {
  python3 - "$1" "$2" <<'PYTHON'
import json
import sys

report = json.load(open(sys.argv[1]))
settled = report["calls"].get("settle", {"count": 0})["count"]
errors = report["errors"]
print(f"{settled} settled; {errors}")
full = bool(errors) and all(error.endswith(" RESOURCE_EXHAUSTED DISK_FULL") for error in errors)
holds = {"settlements": settled and not errors, "refusals": not settled and full, "both": settled and full}
sys.exit(0 if holds[sys.argv[2]] else 1)
PYTHON
}

start
"$program" import deploy/demo >/dev/null
load --prepare
settle_for 1 "$log.before"
only "$log.before" settlements || fail "there is room"

# Full to the last byte while callers settle.
settle_for 4 "$log.filled" &
settling=$!
sleep 1
! cat /dev/zero >"$disk/filler" 2>/dev/null || fail "the disk has no end"
[ "$(df --output=avail -B1 "$disk" | tail -1)" -lt 4096 ] || fail "the disk is not full"
wait "$settling" || { cat "$log" >&2; exit 1; }
only "$log.filled" both || fail "a refusal for another reason, or none"
settle_for 1 "$log.full"
only "$log.full" refusals || fail "commits are accepted on a full disk"
head -1 deploy/demo/claims.ndjson >"$log.claim"
"$program" quote "$log.claim" >/dev/null || fail "quotes are not answered"
"$program" account DEMO-P-0017 --year 2017 >/dev/null || fail "reads are not answered"

rm "$disk/filler"
for _ in $(seq 100); do
  settle_for 1 "$log.again"
  if only "$log.again" settlements; then break; fi
done
only "$log.again" settlements || fail "commits do not go on"
stop
start
settle_for 1 "$log.restarted"
only "$log.restarted" settlements || fail "commits do not go on after a restart"
stop
"$program" audit verify --store "$disk/store"
