#!/usr/bin/env bash
# Installs what the tests need, runs them all, and prints their summary last. With --all also what holds on Redis, on
# Valkey 8.
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
# fetch_valkey DIR: unpacks Valkey 8 there, from the backports of this Debian; nothing is installed
fetch_valkey() {
  local sources="$1/sources" state=(-o Dir::State::lists="$1/lists" -o Dir::Etc::sourceparts="$1/none")
  state+=(-o APT::Sandbox::User=root -o Dir::Etc::sourcelist="$sources")
  local release archive
  release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  archive=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" | head -1)
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $release-backports main" >"$sources"
  mkdir -p "$1/lists/partial" "$1/none"
  apt-get update -qq "${state[@]}"
  (cd "$1" && apt-get download -qq "${state[@]}" valkey-server valkey-tools)
  for package in "$1"/*.deb; do dpkg -x "$package" "$1"; done
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
if [ "${1:-}" = --all ]; then
  valkey=$(mktemp -d)
  trap 'rm -rf "$log" "$valkey"' EXIT
  fetch_valkey "$valkey"
  ONESTOP_REDIS_SERVER="$valkey/usr/bin/valkey-server" cargo test --locked redis 2>&1 | tee -a "$log" || status=$?
fi
passed=$(awk '/^test result:/ { sum += $4 } END { print sum + 0 }' "$log")
failed=$(awk '/^test result:/ { sum += $6 } END { print sum + 0 }' "$log")
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1 # what did not even build or run has failed
planted=$(tests/planted/run.sh) || failed=$((failed + 1))
echo "$planted"
passed=$((passed + $(grep -c ': found by seed ' <<<"$planted")))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
