#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The README's first command, without a terminal: prints the contract's agreed answer, exits 0 and
# leaves nothing behind.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

output=$(TMPDIR=$scratch "$root/scripts/quickstart.sh" </dev/null 2>"$scratch/log") || {
    cat "$scratch/log"
    echo "quickstart.sh failed"
    exit 1
}
rm -f "$scratch/log"
expected='{"total":5,"text":""}'
if [ "$output" != "$expected"$'\n'"$expected" ]; then
    echo "unexpected answer: $output"
    exit 1
fi
if [ -n "$(ls -A "$scratch")" ]; then
    echo "left behind: $(ls -A "$scratch")"
    exit 1
fi
echo "quickstart answered $expected and cleaned up"
