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
# settle_for SECONDS: settles with eight callers, and prints what was settled and refused
settle_for() {
  "$program" load --prepared --persons 50 --callers 8 --seconds "$1" 2>&1 || [ $? = 1 ] || fail "settling ended otherwise"
}
# only_disk_full FILE: whether there are refusals there, all because the disk is full
only_disk_full() {
  grep -q ' refused: RESOURCE_EXHAUSTED: DISK_FULL: ' "$1" &&
    ! grep ' refused: ' "$1" | grep -vq ' refused: RESOURCE_EXHAUSTED: DISK_FULL: '
}

start
"$program" import deploy/demo >/dev/null
"$program" load --prepare --persons 50
settle_for 1 | tee "$log.before"
! grep -q ' refused: ' "$log.before" || fail "there is room"

# Full to the last byte while callers settle.
settle_for 4 >"$log.filled" &
settling=$!
sleep 1
! cat /dev/zero >"$disk/filler" 2>/dev/null || fail "the disk has no end"
[ "$(df --output=avail -B1 "$disk" | tail -1)" -lt 4096 ] || fail "the disk is not full"
wait "$settling" || { cat "$log" "$log.filled" >&2; exit 1; }
cat "$log.filled"
only_disk_full "$log.filled" || fail "a refusal for another reason, or none"
settle_for 1 | tee "$log.full"
grep -q '^0 settled' "$log.full" && only_disk_full "$log.full" || fail "commits are accepted on a full disk"
head -1 deploy/demo/claims.ndjson >"$log.claim"
"$program" quote "$log.claim" >/dev/null || fail "quotes are not answered"
"$program" account DEMO-P-0017 --year 2017 >/dev/null || fail "reads are not answered"

rm "$disk/filler"
for _ in $(seq 100); do
  settle_for 1 >"$log.again"
  if ! grep -q ' refused: ' "$log.again"; then break; fi
done
cat "$log.again"
! grep -q ' refused: ' "$log.again" || fail "commits do not go on"
stop
start
settle_for 1
stop
"$program" audit verify --store "$disk/store"
