#!/usr/bin/env bash
# Measures what a settle costs as history and store grow, and adds its figures to target/limits.json. With ten million
# persons and two million settlements, which are the default, it needs 12 GB of disk and about half an hour.
#   benches/growth.sh [PERSONS SETTLEMENTS [ROUNDS]]
set -euo pipefail
cd "$(dirname "$0")/.."
export ONESTOP_LIMITS="$PWD/target/limits.json"
cargo bench --locked --bench growth -- "$@"
