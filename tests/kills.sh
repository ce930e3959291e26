#!/usr/bin/env bash
# Kills commands with a checkpoint at drawn instants, and lets them go on: bash tests/kills.sh [KILLS [SEED]]
set -euo pipefail
cd "$(dirname "$0")/.."
SWATH_KILLS="${1:-1000}" SWATH_SEED="${2:-1}" \
  cargo test --release --test kills -- --exact whoever_is_killed_goes_on_to_the_same_bits --nocapture
