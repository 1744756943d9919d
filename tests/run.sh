#!/usr/bin/env bash
# Installs what the tests need (Debian), runs them all, and prints "N passed, N failed" last.
#   tests/run.sh          the checks of `usual`
#   tests/run.sh --all    those of `heavy` as well
#   tests/run.sh NAME…    these checks
# A check is a function `check_NAME`. Each line `test result: … N passed; N failed` that it prints is counted; a check
# that prints none counts as one test, and so does one that fails without a failed test. It installs what it alone needs.
set -euo pipefail
cd "$(dirname "$0")/.."

usual=(suite)
heavy=(planted demo valkey wire clients spreadsheets upgrade full_disk image)

check_suite() {
  echo "Tests break servers on purpose: lines with ERROR or WARN are theirs. What failed is counted at the end."
  # Tests wait for servers and disks, so there are more of them than cores.
  cargo test --locked -- --test-threads $((2 * $(nproc)))
}

# The simulation finds bugs that are planted in a copy of the code.
check_planted() {
  tests/planted/run.sh
}

# The first command of the README, in the profile that serves.
check_demo() {
  cargo run --locked --release -- demo
}

# What holds on Redis holds on Valkey 8.
check_valkey() {
  fetch_valkey "$work/valkey"
  ONESTOP_REDIS_SERVER="$work/valkey/usr/bin/valkey-server" cargo test --locked redis
}

# Every message, field and call of proto/ has a comment, and a change is compatible with the commit before, unless its
# message says why it is not in a line `Wire-break: …`.
check_wire() {
  pip_install "$work/buf" buf-bin==1.75.0
  local buf="$work/buf/bin/buf"
  "$buf" lint
  "$buf" breaking --against ".git#ref=$(commit_before Wire-break proto buf.yaml)"
}

# Clients in Python, Node and Java are generated, and call a server.
check_clients() {
  need npm nodejs npm
  need javac default-jdk-headless
  need protoc protobuf-compiler
  need grpc_java_plugin protobuf-compiler-grpc-java-plugin
  [ -e /usr/include/google/protobuf/any.proto ] || install libprotobuf-dev
  [ -e /usr/share/java/grpc-api.jar ] || install libgrpc-java libprotobuf-java libnetty-java libperfmark-java
  [ -e /usr/share/java/geronimo-annotation-1.3-spec.jar ] || install libgeronimo-annotation-1.3-spec-java
  pip_install "$work/clients/pip" grpcio==1.85.1 grpcio-tools==1.85.1
  cargo build --locked
  tests/clients/run.sh "$work/clients" "${CARGO_TARGET_DIR:-target}/debug/onestop"
}

# Reports as CSV have the same sums in pandas and DuckDB.
check_spreadsheets() {
  pip_install "$work/spreadsheets" pandas==3.1.1 duckdb==2.0.1
  cargo build --locked
  PYTHONPATH="$work/spreadsheets" python3 tests/spreadsheets/sums.py "$(realpath "${CARGO_TARGET_DIR:-target}")/debug/onestop"
}

# Servers are upgraded under load from the commit before to this one, unless its message says why they cannot be in a line
# `Format-break: …`; then they are restarted.
check_upgrade() {
  pip_install "$work/upgrade/pip" grpcio==1.85.1 grpcio-tools==1.85.1
  local target program="${CARGO_TARGET_DIR:-target}/debug/onestop"
  target=$(realpath "${CARGO_TARGET_DIR:-target}")
  mkdir "$work/upgrade/earlier"
  git archive "$(commit_before Format-break src Cargo.lock proto)" | tar -x -C "$work/upgrade/earlier"
  # A version of its own: otherwise cargo takes what one of the two generated from proto/ for that of the other.
  sed -i '/^name = "onestop"$/{n;s/^version = .*/version = "0.0.0-earlier"/}' "$work/upgrade/earlier"/Cargo.{toml,lock}
  (cd "$work/upgrade/earlier" && cargo build --locked --target-dir "$target")
  cp "$program" "$work/upgrade/onestop-earlier"
  cargo build --locked
  tests/upgrade/run.sh "$work/upgrade" "$work/upgrade/onestop-earlier" "$program"
}

# A server whose disk becomes full to the last byte.
check_full_disk() {
  cargo build --locked
  mkdir "$work/disk"
  tests/full_disk/run.sh "$work/disk" "${CARGO_TARGET_DIR:-target}/debug/onestop"
}

# The image of deploy/container is built, and a container started from it.
check_image() {
  need buildah buildah
  need readelf binutils
  need pgrep procps
  tests/image/run.sh "$work/image"
}

# commit_before WORD PATH…: the commit that these paths are compared with: the last one, if they are changed in the working
# tree; otherwise the one before, unless the message of the last has a line `WORD: …`
commit_before() {
  local base=HEAD
  if git diff --quiet HEAD -- "${@:2}" && [ -z "$(git ls-files --others --exclude-standard -- "${@:2}")" ] &&
    ! git log -1 --format=%B | grep -q "^$1: "; then
    base=$(git rev-parse --verify --quiet HEAD^ || echo HEAD)
  fi
  git rev-parse "$base"
}

# pip_install DIR PACKAGE…: installs Python packages there
pip_install() {
  python3 -m pip --version >/dev/null 2>&1 || install python3 python3-pip
  python3 -m pip install --quiet --root-user-action ignore --disable-pip-version-check --target "$@"
}

# fetch_valkey DIR: unpacks Valkey 8 there, from the backports of this Debian; nothing is installed
fetch_valkey() {
  local sources="$1/sources" state=(-o Dir::State::lists="$1/lists" -o Dir::Etc::sourceparts="$1/none")
  state+=(-o APT::Sandbox::User=root -o Dir::Etc::sourcelist="$sources")
  local release archive
  release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  archive=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" | head -1)
  mkdir -p "$1/lists/partial" "$1/none"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $release-backports main" >"$sources"
  apt-get update -qq "${state[@]}"
  (cd "$1" && apt-get download -qq "${state[@]}" valkey-server valkey-tools)
  for package in "$1"/*.deb; do dpkg -x "$package" "$1"; done
}

# fetch_prometheus DIR: unpacks Debian's Prometheus with promtool there; nothing is installed, and no service is started
fetch_prometheus() {
  mkdir -p "$1"
  apt-get update -qq
  (cd "$1" && apt-get download -qq prometheus)
  dpkg -x "$1"/prometheus_*.deb "$1"
  PATH="$1/usr/bin:$PATH"
}

# need COMMAND PACKAGE…: installs Debian's packages if the command is missing
need() {
  command -v "$1" >/dev/null || install "${@:2}"
}

install() {
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# run CHECK: adds what it counted to `passed` and `failed`
run() {
  local log="$work/$1.log" start=$SECONDS status counted results ok wrong
  echo "== $1"
  set +e
  (set -e; "check_$1") 2>&1 | tee "$log"
  status=$?
  set -e
  counted=$(awk '/^test result:/ { n++; p += $4; f += $6 } END { print n + 0, p + 0, f + 0 }' "$log")
  read -r results ok wrong <<<"$counted"
  if [ "$status" != 0 ] && [ "$wrong" = 0 ]; then wrong=1; fi
  if [ "$results$status" = 00 ]; then ok=1; fi
  passed=$((passed + ok)) failed=$((failed + wrong))
  echo "== $1: $ok passed, $wrong failed in $((SECONDS - start)) s"
}

need cc gcc libc6-dev
need strace strace
need redis-server redis-server
need patch patch
need systemd-analyze systemd
need chromium chromium
need fc-list fontconfig
fc-list ':lang=zh' | grep -q . || install fonts-noto-cjk

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v promtool >/dev/null || fetch_prometheus "$work/prometheus"
passed=0 failed=0
case "${1:-}" in
  "") checks=("${usual[@]}") ;;
  --all) checks=("${usual[@]}" "${heavy[@]}") ;;
  *) checks=("$@") ;;
esac
for check in "${checks[@]}"; do run "$check"; done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
