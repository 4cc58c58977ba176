#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What starting a contract costs by contract.sandbox, and by whether root or an ordinary user runs
# the node: read requests and inputs answered by the C++ echo contract. The nodes take turns,
# several rounds of each, so that a slow moment of the machine does not count against one of them.
# Prints a Markdown table: medians, and in brackets the least and the most of the rounds' medians.
# usage: sandbox.sh [--quick] [--raw FILE] [BIN_DIR]
#   --quick     one short round, to see that everything works
#   --raw FILE  also keep the JSON results, one a line
#   BIN_DIR     with hpnode, hpbench, echo_contract (default: build/release/bin); needs jq
# As root, setpriv starts the nodes of the ordinary user, who must be able to execute BIN_DIR.
set -u
# shellcheck source=tests/bench/nodes.sh
source "$(dirname "$0")/nodes.sh" "$@"

uid=231072 # nobody else's
users=("an ordinary user")
[ "$(id -u)" = 0 ] && users=(root "an ordinary user")
declare -A reads rates outputs

# become USER: who runs the next nodes.
become() {
    as_user=()
    if [ "$1" != root ] && [ "$(id -u)" = 0 ]; then
        need setpriv
        as_user=(setpriv "--reuid=$uid" "--regid=$uid" --clear-groups)
        chown "$uid:$uid" "$work/home"
    else
        chown "$(id -u)" "$work/home"
    fi
}

# measure USER MODE: one round.
measure() {
    local key="$1, $2"
    become "$1"
    new_node
    # More than two ledgers a roundtime are never asked for, so that each input is taken at once.
    run_node 100 eager ".contract.sandbox = \"$2\"" || {
        echo "... $key: the node does not start" >&2
        tail -3 "$work/home/node/log/hp.log" >&2
        return
    }
    bench "$key: one read" reads --outstanding 1 --count "$(pick 1000 50)"
    reads[$key]+=" $(number read_median_ms 2)"
    bench "$key: reads" reads --outstanding 32 --count "$(pick 4000 100)"
    rates[$key]+=" $(number reads_per_s 0)"
    bench "$key: input" latency --count "$(pick 40 5)" --interval-ms 237
    outputs[$key]+=" $(number output_median_ms 2)"
}

for _ in $(seq "$(pick 4 1)"); do
    for user in "${users[@]}"; do
        for mode in off auto strict; do
            measure "$user" "$mode"
        done
    done
done
stop_node

echo "| node of | \`contract.sandbox\` | read request, one at a time | reads/s, 32 at a time |\
 input → output, eager |"
echo "| --- | --- | --- | --- | --- |"
for user in "${users[@]}"; do
    for mode in off auto strict; do
        key="$user, $mode"
        if [ -z "${reads[$key]:-}" ]; then
            echo "| $user | $mode | not to be had on this machine | | |"
            continue
        fi
        # Lists of numbers without spaces in them.
        # shellcheck disable=SC2086
        echo "| $user | $mode | $(middle ${reads[$key]}) ms | $(middle ${rates[$key]}) |\
 $(middle ${outputs[$key]}) ms |"
    done
done
exit $((failures > 0))
