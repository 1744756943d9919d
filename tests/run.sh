#!/usr/bin/env bash
# Installs what the tests need, runs them all, and prints their summary last.
set -euo pipefail
cd "$(dirname "$0")/.."

install() { # install PACKAGE: Debian's
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}
need() { # need COMMAND PACKAGE: installs PACKAGE if COMMAND is missing
  command -v "$1" >/dev/null || install "$2"
}
need cc gcc
need strace strace
need redis-server redis-server
need patch patch
need chromium chromium
need fc-list fontconfig
fc-list ':lang=zh' | grep -q . || install fonts-noto-cjk

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked 2>&1 | tee "$log" || status=$?
passed=$(awk '/^test result:/ { sum += $4 } END { print sum + 0 }' "$log")
failed=$(awk '/^test result:/ { sum += $6 } END { print sum + 0 }' "$log")
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1 # what did not even build or run has failed
planted=$(tests/planted/run.sh) || failed=$((failed + 1))
echo "$planted"
passed=$((passed + $(grep -c ': found by seed ' <<<"$planted")))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
