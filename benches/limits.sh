#!/usr/bin/env bash
# Measures the service beside its limits and writes target/limits.json: for each key the median and the spread of
# interleaved rounds, and processor time beside each ratio. It takes under fifteen minutes without building. Run nothing
# else on the machine meanwhile. `redis-server` must be installed.
#   benches/limits.sh [ROUNDS]      5 rounds by default
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
export ONESTOP_LIMITS="$PWD/target/limits.json"
cargo bench --locked --no-run --bench adjudicate --bench settle --bench redis_store --bench import
rm -f "$ONESTOP_LIMITS"
started=$SECONDS
cargo bench --locked --bench adjudicate
cargo bench --locked --bench settle -- "$rounds"
cargo bench --locked --bench redis_store -- "$rounds"
cargo bench --locked --bench import -- 500000 16 "$rounds"
echo "measured in $((SECONDS - started)) s: $ONESTOP_LIMITS"
