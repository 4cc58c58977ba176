#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What contract.warm_start does for a contract in NodeJS: latency of inputs and of read requests.
# Nodes without and with it take turns, several rounds of each, so that a slow moment of the machine
# does not count against one of them. Prints a Markdown table: medians, and in brackets the least
# and the most of the rounds' medians.
# usage: warm_start.sh [--quick] [--raw FILE] [BIN_DIR]
#   --quick     one short round, to see that everything works
#   --raw FILE  also keep the JSON results, one a line
#   BIN_DIR     with hpnode, hpbench, echo_contract (default: build/release/bin)
# Needs jq, node and tests/js/node_modules.
set -u
# shellcheck source=tests/bench/nodes.sh
source "$(dirname "$0")/nodes.sh" "$@"
need node
library=tests/js/node_modules/hotpocket-nodejs-contract
[ -f "$library/package.json" ] || {
    echo "warm_start.sh: $library is missing" >&2
    exit 1
}

interpreter=$(command -v node)
declare -A inputs reads rates

# measure WARM_START: one round, with the echo contract of the JavaScript tests.
measure() {
    local state=$work/home/node/contract_fs/seed/state
    new_node
    mkdir "$state/node_modules"
    cp tests/js/contracts/echo.js "$state"
    cp -r "$library" "$state/node_modules"
    run_node 1000 eager ".contract.warm_start = $1 | .contract.bin_path = \"$interpreter\"
        | .contract.bin_args = \"echo.js bson\"" || {
        cat "$work/node.err" "$work/home/node/log/hp.log" >&2
        exit 1
    }
    # Intervals that are no multiple of the roundtime: at any moment between two ledgers.
    bench "warm_start $1: input" latency --count "$(pick 12 2)" --interval-ms 2370
    inputs[$1]+=" $(number output_median_ms)"
    bench "warm_start $1: read" reads --outstanding 1 --count "$(pick 100 10)" --interval-ms 170
    reads[$1]+=" $(number read_median_ms)"
    bench "warm_start $1: reads" reads --outstanding 1 --count "$(pick 100 10)"
    rates[$1]+=" $(number read_median_ms)"
}

for _ in $(seq "$(pick 3 1)"); do
    measure false
    measure true
done
stop_node

# row WHAT NUMBERS_WITHOUT NUMBERS_WITH
row() {
    # Lists of numbers without spaces in them.
    # shellcheck disable=SC2086
    echo "| $1 | $(middle $2) ms | $(middle $3) ms |"
}
echo "| NodeJS echo, roundtime 1000 eager | without | with \`contract.warm_start\` |"
echo "| --- | --- | --- |"
row "input → output, an input every 2.37 s" "${inputs[false]}" "${inputs[true]}"
row "read request → response, one every 170 ms" "${reads[false]}" "${reads[true]}"
row "read request → response, one right after another" "${rates[false]}" "${rates[true]}"
exit $((failures > 0))
