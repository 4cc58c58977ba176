#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The README's first command, without a terminal: a cluster of three nodes prints the contract's
# agreed answer, and nothing of it is left behind. Takes the build under test, if that is said.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

output=$(TMPDIR=$scratch "$root/scripts/quickstart.sh" </dev/null 2>"$scratch/log") || {
    cat "$scratch/log"
    echo "quickstart.sh failed"
    exit 1
}
for said in 'tolerates 0 failures' 'no process, port or mount is left'; do
    grep -qF "$said" "$scratch/log" || {
        cat "$scratch/log"
        echo "it did not say: $said"
        exit 1
    }
done
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
