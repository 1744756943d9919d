#!/usr/bin/env bash
# Plants the bugs of this directory in a copy of the code, each behind a switch, and checks that the simulation finds
# each of them within its default seeds, and no fault with every switch off: the simulation of settlements, or for the
# bugs log-* and index-*, that of the log and of its index. The code itself contains no switch.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
copy=$target/planted
patches=$PWD/tests/planted

rm -rf "$copy"
mkdir -p "$copy"
cp -r Cargo.toml Cargo.lock build.rs proto src tests deploy "$copy/"
cd "$copy"
# A version of its own: otherwise cargo takes the library built here for that of the real code, in this target directory.
sed -i '/^name = "onestop"$/{n;s/^version = .*/version = "0.0.0-planted"/}' Cargo.toml Cargo.lock
sed -i -e '/^\[\[bin\]\]/,/^$/d' -e '/^\[\[bench\]\]/,$d' -e 's/^autobenches = false/&\nautobins = false/' Cargo.toml
# Remove the modules that run the program, which is not built here.
sed -i -e '/^pub mod program;/d' -e '/^pub mod keys;/d' tests/support/mod.rs
cat >tests/main.rs <<'RUST'
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod index;
mod log;
mod model;
mod simulation;
mod support;
RUST
cat >>src/lib.rs <<'RUST'

/// Whether this bug is switched on.
pub fn planted(bug: &str) -> bool {
    static PLANTED: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("ONESTOP_PLANTED").unwrap_or_default());
    *PLANTED == bug
}
RUST
for bug in "$patches"/*.patch; do
  patch --quiet --strip 1 --fuzz 3 <"$bug"
done

# The target directory and profile of the tests, so that only what is copied here is built.
export CARGO_TARGET_DIR=$target
program=$(cargo test --locked --test onestop --no-run --message-format json |
  sed -n 's/.*"executable":"\([^"]*\/onestop-[0-9a-f]*\)".*/\1/p' | tail -1)
first_failure() { # first_failure BUG: the first seed that fails with this bug, and its fault
  case "$1" in
    log-key-*) simulation=log::wrong_index ;;
    log-*) simulation=log::simulation::what_was_answered ;;
    index-published-before-the-map) simulation=index::moments ;;
    index-*) simulation=index::crash::after_any_crash ;;
    *) simulation=simulation::seeds_pass_every_check ;;
  esac
  ONESTOP_PLANTED="$1" ONESTOP_FIRST=1 timeout 600 "$program" "$simulation" 2>&1 | grep -m1 '^seed \|panicked at' || true
}
passed=0 failed=0
unplanted=$(ONESTOP_SEEDS=0..200 first_failure ""; ONESTOP_SEEDS=0..200 first_failure log-none; ONESTOP_SEEDS=0..40 first_failure index-none)
if [ -z "$unplanted" ]; then passed=1; else failed=1; echo "no bug is planted, but $unplanted"; fi
for bug in "$patches"/*.patch; do
  bug=$(basename "$bug" .patch)
  seed=$(first_failure "$bug")
  if [ -n "$seed" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  echo "$bug: ${seed:+found by }${seed:-NOT FOUND}"
done
if [ "$failed" = 0 ]; then verdict=ok; else verdict=FAILED; fi
echo "test result: $verdict. $passed passed; $failed failed"
[ "$verdict" = ok ]
