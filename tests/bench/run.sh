#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# All measurements of docs/performance.md against nodes of its own, one after another, on free
# loopback ports, with the C++ echo contract. Prints a Markdown table; progress goes to stderr.
# Results mean something only on a machine that does nothing else.
# usage: run.sh [--quick] [--raw FILE] [BIN_DIR]
#   --quick     a few seconds each, to see that everything works
#   --raw FILE  also keep the JSON results, one a line
#   BIN_DIR     with hpnode, hpbench, echo_contract (default: build/release/bin); needs jq
set -u
# shellcheck source=tests/bench/nodes.sh
source "$(dirname "$0")/nodes.sh" "$@"

# Any distance of max_ledger_seq_no: the inputs are signed before the clock starts.
unlimited='.contract.max_input_ledger_offset = 0'

# --- measuring -----------------------------------------------------------------------------------

# ratio A B: how many times more A is, as text.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (a + 0 > 0 && b + 0 > 0) { r = a / b
        printf(r < 10 ? "%.1f×\n" : "%.0f×\n", r) } else print "" }'
}

row() { echo "| $1 | $2 | ${3:-} | ${4:-} |"; }

# --- the list ------------------------------------------------------------------------------------

measure_ledgers() {
    local roundtime=$1 rate
    start_node "$roundtime" paced
    bench "ledgers_$roundtime" ledgers --seconds "$(pick 20 2)"
    rate=$(number ledgers_per_s)
    row "ledgers/s, roundtime $roundtime ms, no input" \
        "$rate (interval median $(number interval_median_ms 2), \
p99 $(number interval_p99_ms 2) ms)" \
        "1.0 (private build 6.5)" "$(ratio "$rate" 1) ($(ratio "$rate" 6.5))"
}

# measure_latency WHAT ARGS...: on the running node.
measure_latency() {
    local what=$1 accepted output
    shift
    bench "latency: $what" latency "$@"
    accepted=$(number accepted_median_ms)
    output=$(number output_median_ms)
    row "input → accepted, $what" "$accepted ms median, $(number accepted_p99_ms) p99" \
        "2070 ms" "$(ratio 2070 "$accepted")"
    row "input → output, $what" "$output ms median, $(number output_p99_ms) p99" \
        "3070 ms" "$(ratio 3070 "$output")"
}

measure_throughput() {
    local connections=$1 window=$2
    start_node 50 paced "$unlimited"
    bench "inputs_$connections" inputs --connections "$connections" --window "$window" \
        --seconds "$(pick 15 2)" --prepare "$(pick 400000 20000)" --pid "$node_pid"
    row "accepted inputs/s, $connections connection(s)" \
        "$(number accepted_per_s 0); output median $(number output_median_ms 0) ms, lost \
$(number lost 0), node CPU $(number node_cpu_percent 0) %" "" ""
}

measure_fixed_rate() {
    start_node 1000 eager "$unlimited"
    bench inputs_1000_per_s inputs --connections 8 --rate 1000 --seconds "$(pick 20 3)" \
        --pid "$node_pid"
    row "1000 inputs/s, roundtime 1000 ms eager: → accepted" \
        "$(number accepted_median_ms 0) ms median, $(number accepted_p99_ms 0) p99, node CPU \
$(number node_cpu_percent 0) %" "3000-5000 ms" \
        "$(ratio 3000 "$(number accepted_median_ms 1)") or more"
}

measure_reads() {
    local concurrent=$1 outstanding=$2 count=$3 original=$4
    start_node 1000 paced ".user.concurrent_read_requests = $concurrent"
    bench "reads_${outstanding}_of_$concurrent" reads --outstanding "$outstanding" \
        --count "$count" --pid "$node_pid"
    row "reads/s, $outstanding outstanding, concurrent_read_requests $concurrent" \
        "$(number reads_per_s 0); median $(number read_median_ms), p99 $(number read_p99_ms) ms" \
        "$original" "$(ratio "$(number reads_per_s)" "$original")"
}

measure_idle() {
    local roundtime=$1 pace=$2
    start_node "$roundtime" "$pace"
    sleep "$(pick 10 1)"
    echo "... idle, roundtime $roundtime" >&2
    if result=$("$bin/hpbench" --json idle --pid "$node_pid" --seconds "$(pick 30 2)"); then
        jq -c --arg name "idle_$roundtime" '{name: $name} + .' <<<"$result" >>"$raw"
    else
        result='{}'
        failures=$((failures + 1))
    fi
    row "idle node, roundtime $roundtime ms: memory" \
        "$(($(number rss_kib 0) / 1024)) MiB RSS, $(($(number pss_kib 0) / 1024)) MiB PSS, \
$(number processes 0) processes" "" ""
    row "idle node, roundtime $roundtime ms: CPU" "$(number cpu_percent 2) %" "" ""
}

row Measurement Result Original "Times better"
row --- --- --- ---
for roundtime in 10 20 50; do
    measure_ledgers $roundtime
done
start_node 1000 eager
measure_latency "roundtime 1000 eager, an input every 2.5 s" --count "$(pick 20 3)" \
    --interval-ms 2500
measure_latency "roundtime 1000 eager, one after another" --count "$(pick 40 5)"
# Intervals that are no multiple of the roundtime, so that inputs come at any moment of a round.
start_node 1000 paced
measure_latency "roundtime 1000 paced" --count "$(pick 30 3)" --interval-ms 2370
start_node 50 paced
measure_latency "roundtime 50 paced" --count "$(pick 200 20)" --interval-ms 137
measure_throughput 1 16000
measure_throughput 8 2000
measure_throughput 32 500
measure_fixed_rate
measure_reads 4 1 "$(pick 500 20)" 9
measure_reads 4 32 "$(pick 2000 100)" 219
measure_reads 32 32 "$(pick 2000 100)" 219
measure_idle 1000 paced
measure_idle 50 paced
exit $((failures > 0))
