#!/usr/bin/env bash
# Builds the image of deploy/container with Debian's buildah (no daemon), starts a container from it, settles the
# demonstration in it, and stops it. Prints the size of the image and how long a container takes until it is ready.
#   tests/image/run.sh DIR                         DIR is for the images and may not exist
#   PROFILE=production tests/image/run.sh DIR      the program as it is shipped; that of development is built in a third of the time
# Needs root: the build and the container run in a chroot.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
work=$(realpath "$1")
pid=
trap 'status=$?; [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; exit $status' EXIT

export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot TMPDIR="$work" XDG_RUNTIME_DIR="$work"
buildah() { command buildah --root "$work/images" --runroot "$work/run" "$@"; }
fail() {
  echo "$1" >&2
  [ ! -e "$work/log" ] || cat "$work/log" >&2
  exit 1
}

# The images that the Containerfile begins with are in a registry, which a machine may not reach. So the build runs in an
# image without a file, into which the Rust and the C compiler of this machine are mounted.
cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
mounts=()
for directory in /usr /bin /lib /lib64 /etc "$rustup_home" "$HOME/.cargo"; do
  [ ! -d "$directory" ] || mounts+=(--volume "$directory:$directory:ro")
done
cargo fetch --locked --quiet
mounts+=(--volume "$cargo_home:/cargo")
builder=$(buildah from scratch)
buildah config --env "PATH=$PATH" --env CARGO_HOME=/cargo --env "RUSTUP_HOME=$rustup_home" "$builder"
buildah commit --quiet "$builder" builder >/dev/null
buildah build --quiet --format docker --build-arg BUILDER=localhost/builder --build-arg "PROFILE=${PROFILE:-dev}" "${mounts[@]}" \
  --ignorefile deploy/container/Containerfile.dockerignore -f deploy/container/Containerfile -t onestop . >/dev/null

# The image: the program and an empty directory, not as root, with a health check.
container=$(buildah from onestop)
root=$(buildah mount "$container")
files=$(cd "$root" && find . -type f)
[ "$files" = ./usr/local/bin/onestop ] || fail "the image has other files: $files"
readelf -d "$root/usr/local/bin/onestop" | grep -q NEEDED && fail "the program needs a library"
readelf -S "$root/usr/local/bin/onestop" | grep -q '\.debug_info' && fail "the program is not stripped"
inspected=$(buildah inspect --type image --format '{{.Docker.Config.User}} {{.Docker.Config.Healthcheck.Test}}' onestop)
[ "$inspected" = "65532:65532 [CMD /usr/local/bin/onestop health --server http://127.0.0.1:9090]" ] ||
  fail "user and health check of the image: $inspected"

# A container: the store is in a volume, which is all that the program can write to.
mkdir -m 700 "$work/volume"
chown 65532:65532 "$work/volume"
in_container() {
  command buildah --root "$work/images" --runroot "$work/run" run --isolation chroot --cap-drop all --user 65532:65532 \
    --volume "$work/volume:/var/lib/onestop" "$container" -- /usr/local/bin/onestop "$@"
}
# The program of the image is also the client.
onestop() { "$root/usr/local/bin/onestop" "$@"; }
port=$(shuf -i 20000-29999 -n 1)
operations=$((port + 10000))
server=http://127.0.0.1:$port health=http://127.0.0.1:$operations
start=$(date +%s%N)
in_container serve --create --listen "127.0.0.1:$port" --operations "127.0.0.1:$operations" >"$work/log" 2>&1 &
pid=$!
until onestop health --server "$health" >/dev/null 2>&1; do
  kill -0 "$pid" 2>/dev/null || fail "the container ended"
  [ $(($(date +%s%N) - start)) -lt 60000000000 ] || fail "the container is not ready after a minute"
  sleep 0.01
done
ready=$((($(date +%s%N) - start) / 1000000))
touch "$work/started"
program=$(pgrep -f "onestop serve --create --listen 127.0.0.1:$port" | while read -r process; do
  [ "$(readlink "/proc/$process/exe" | sed 's/.*\///')" != onestop ] || echo "$process"
done)
[ "$(awk '/^Uid:/ { print $2 }' "/proc/$program/status")" = 65532 ] || fail "the program does not run as 65532"
[ "$(awk '/^CapEff:/ { print $2 }' "/proc/$program/status")" = 0000000000000000 ] || fail "the program has capabilities"
in_container health --server "http://localhost:$operations" >/dev/null || fail "the health check fails"

onestop import --server "$server" deploy/demo >/dev/null
onestop settle --server "$server" deploy/demo/claims.ndjson >/dev/null 2>&1 || [ $? = 1 ] || fail "no claim is settled"
onestop account --server "$server" DEMO-P-0017 --year 2017 | grep -q 8083.78 || fail "the account differs"
[ -z "$(find "$root" -newer "$work/started" -type f)" ] || fail "the program wrote outside of its volume"

kill -TERM "$program"
wait "$pid" || fail "the container did not end well"
pid=
grep -q '"message":"stopped"' "$work/log" || fail "the server does not say that it stopped"
mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
buildah push --quiet onestop "oci-archive:$work/onestop.tar" >/dev/null
echo "image: $(mib "$(stat -c %s "$root/usr/local/bin/onestop")"), compressed $(mib "$(stat -c %s "$work/onestop.tar")"); ready after $ready ms"
buildah rm --all >/dev/null
