#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Clusters of 3 and 5 nodes on this machine with the C++ echo contract: latency of inputs by
# roundtime and pace, inputs a second, what sustained short roundtimes give, how long a cold start
# and a return after kill -9 take, and what a node without work costs. Prints Markdown tables;
# progress goes to stderr. Results mean something only on a machine that does nothing else.
# usage: cluster.sh [--quick] [--raw FILE] [BIN_DIR]
#   --quick     a few seconds each, to see that everything works
#   --raw FILE  also keep the JSON results, one a line
#   BIN_DIR     with hpnode, hpbench, echo_contract (default: build/release/bin); needs jq and ss
set -u
# shellcheck source=tests/bench/nodes.sh
source "$(dirname "$0")/nodes.sh" "$@"
need ss

cores=$(nproc)
declare -A pids ports mesh_ports
nodes=0
started_ms=0

# --- clusters ------------------------------------------------------------------------------------

now_ms() { date +%s%3N; }

stop_cluster() {
    local at
    for at in "${!pids[@]}"; do
        kill "${pids[$at]}" 2>/dev/null
    done
    for at in "${!pids[@]}"; do
        wait "${pids[$at]}" 2>/dev/null
        unset "pids[$at]"
    done
    rm -rf "$work/home"/n*
}
trap 'stop_cluster; rm -rf "$work"' EXIT

log_of() { echo "$work/home/n$1/log/hp.log"; }

# in_log NODE TEXT [FROM_LINE]: the time in ms of the first line with that text, once it is there.
in_log() {
    local line
    for _ in $(seq 3000); do
        line=$(tail -n "+${3:-1}" "$(log_of "$1")" 2>/dev/null | grep -m1 -F "$2") && break
        sleep 0.01
    done
    [ -n "$line" ] || {
        echo "cluster.sh: node $1 never said: $2" >&2
        tail -5 "$(log_of "$1")" >&2
        exit 1
    }
    time_of "$line"
}

# time_of LINE: of a node's log, in ms.
time_of() { date -d "${1:0:4}-${1:4:2}-${1:6:2} ${1:9:12}" +%s%3N; }

spawn() {
    "$bin/hpnode" run "$work/home/n$1" 2>"$work/node$1.err" &
    pids[$1]=$!
}

# start_cluster NODES ROUNDTIME PACE [JQ_FILTER]: sets $url to node 0.
start_cluster() {
    local at config unl=() peers=()
    stop_cluster
    nodes=$1
    for ((at = 0; at < nodes; ++at)); do
        "$bin/hpnode" new "$work/home/n$at" >/dev/null &&
            cp "$bin/echo_contract" "$work/home/n$at/contract_fs/seed/state/" || exit 1
        ports[$at]=$(free_port)
        mesh_ports[$at]=$(free_port)
        unl+=("$(jq .node.public_key "$work/home/n$at/cfg/hp.cfg")")
        peers+=("\"127.0.0.1:${mesh_ports[$at]}\"")
    done
    for ((at = 0; at < nodes; ++at)); do
        config=$work/home/n$at/cfg/hp.cfg
        jq --slurpfile first "$work/home/n0/cfg/hp.cfg" \
            --argjson unl "[$(IFS=, && echo "${unl[*]}")]" \
            --argjson peers "[$(IFS=, && echo "${peers[*]}")]" \
            --argjson at "$at" --argjson port "${ports[$at]}" --argjson mesh "${mesh_ports[$at]}" \
            --argjson roundtime "$2" --arg pace "$3" \
            '.contract.id = $first[0].contract.id | .contract.unl = $unl
             | .user.port = $port | .mesh.port = $mesh | .mesh.known_peers = ($peers | del(.[$at]))
             | .mesh.peer_discovery.enabled = false
             | .log.loggers = ["file"] | .node.pace = $pace
             | .contract.bin_path = "echo_contract" | .contract.consensus.roundtime = $roundtime
             | '"${4:-.}" "$config" >"$work/config" || exit 1
        cat "$work/config" >"$config"
    done
    started_ms=$(now_ms)
    for ((at = 0; at < nodes; ++at)); do spawn "$at"; done
    url=wss://127.0.0.1:${ports[0]}
    for ((at = 0; at < nodes; ++at)); do in_log "$at" "lcl=2-" >/dev/null; done
}

row() { local IFS='|' && echo "|$*|"; }

# --- what is measured ----------------------------------------------------------------------------

status() { "$bin/hpnode" status "$work/home/n0" --json | jq "$1"; }
lcl() { status .ledger.seq; }
failed_attempts() { status .consensus.failed_attempts; }

# The inputs come at any moment of a round, and slowly enough for eager nodes to have credit.
measure_latency() {
    local size=$1 roundtime=$2 pace=$3 count=$4 interval=$5
    start_cluster "$size" "$roundtime" "$pace"
    sleep "$(pick 2 0.5)"
    bench "latency, $size nodes, $roundtime $pace" latency --count "$count" \
        --interval-ms "$interval"
    row " $size " " $roundtime $pace " \
        " $(number accepted_median_ms) / $(number accepted_p99_ms) " \
        " $(number output_median_ms) / $(number output_p99_ms) "
}

measure_sustained() {
    local size=$1 roundtime=$2 rate failed
    start_cluster "$size" "$roundtime" paced
    sleep "$(pick 2 0.5)"
    failed=$(failed_attempts)
    bench "ledgers, $size nodes, $roundtime" ledgers --seconds "$(pick 60 3)"
    failed=$(($(failed_attempts) - failed))
    rate=$(number ledgers_per_s 2)
    row " $size " " $roundtime " " $rate of $(awk -v r="$roundtime" 'BEGIN { print 1000 / r }') " \
        " $(number interval_median_ms 2) / $(number interval_p99_ms 2) \
/ $(number interval_max_ms 2) " " $failed "
}

measure_rate() {
    local size=$1 rate=$2 args=(--rate "$2")
    [ "$rate" = max ] && args=(--window "$(pick 2000 500)" --prepare "$(pick 200000 20000)")
    start_cluster "$size" 200 paced '.contract.max_input_ledger_offset = 0'
    bench "inputs, $size nodes, $rate a second" inputs --connections 8 "${args[@]}" \
        --seconds "$(pick 15 2)"
    row " $size " " $rate " " $(number accepted_per_s 0) " " $(number outputs_per_s 0) " \
        " $(number accepted_median_ms 0) / $(number accepted_p99_ms 0) " \
        " $(number output_median_ms 0) " " $(number lost 0) "
}

# All bytes that went through the sockets of nodes to each other, counted where they are sent.
mesh_bytes() {
    local filter=() port
    for port in "${mesh_ports[@]}"; do filter+=(or sport "=" ":$port" or dport "=" ":$port"); done
    ss -tinH state established "( ${filter[*]:1} )" |
        grep -o 'bytes_sent:[0-9]*' | awk -F: '{ sum += $2 } END { print sum + 0 }'
}

measure_idle() {
    local size=$1 roundtime=$2 cpu=() rss=() at bytes before ledgers
    start_cluster "$size" "$roundtime" paced
    sleep "$(pick 10 1)"
    before=$(lcl)
    bytes=$(mesh_bytes)
    sleep "$(pick 30 2)"
    bytes=$(($(mesh_bytes) - bytes))
    ledgers=$(($(lcl) - before))
    for ((at = 0; at < size; ++at)); do
        bench "idle, node $at of $size, $roundtime" idle --pid "${pids[$at]}" \
            --seconds "$(pick 10 1)"
        cpu+=("$(number cpu_percent 2)")
        rss+=("$(number rss_kib 0)")
    done
    row " $size " " $roundtime " " $(middle "${cpu[@]}") % " \
        " $(middle "${rss[@]}" | sed -E 's/ .*//' | awk '{ printf "%.1f", $1 / 1024 }') MiB " \
        " $((bytes / (ledgers > 0 ? ledgers : 1) / size)) "
}

# A node may think for a moment that it is synced before it hears of ledgers it has missed, so the
# last time that it says so is what counts.
measure_starts() {
    local size=$1 roundtime=$2 cold=() back=() from line
    for _ in $(seq "$(pick 8 1)"); do
        start_cluster "$size" "$roundtime" paced
        cold+=($(($(in_log 0 "lcl=1-") - started_ms)))
        sleep "$(pick 2 0.5)"
        kill -9 "${pids[1]}"
        wait "${pids[1]}" 2>/dev/null
        sleep "$(pick 5 1)"
        from=$(($(wc -l <"$(log_of 1)") + 1))
        started_ms=$(now_ms)
        spawn 1
        in_log 1 "vote status status=synced" "$from" >/dev/null
        sleep "$(pick 4 2)"
        line=$(tail -n "+$from" "$(log_of 1)" | grep -F "vote status" | tail -1)
        [[ $line == *status=synced* ]] || failures=$((failures + 1))
        back+=($(($(time_of "$line") - started_ms)))
    done
    row " $size " " $roundtime " " $(middle "${cold[@]}") ms " " $(middle "${back[@]}") ms "
}

# --- the list ------------------------------------------------------------------------------------

sizes=(3 5)
echo "Clusters on $cores processors, all nodes and the client on them. Times in ms, median / p99."
echo
row " nodes " " roundtime " " input → accepted " " input → output "
row ---: --- ---: ---:
for size in "${sizes[@]}"; do
    measure_latency "$size" 1000 eager "$(pick 30 2)" 2370
    measure_latency "$size" 1000 paced "$(pick 30 2)" 2370
    measure_latency "$size" 100 paced "$(pick 100 10)" 337
    measure_latency "$size" 50 paced "$(pick 200 10)" 137
    measure_latency "$size" 20 paced "$(pick 200 10)" 113
done
echo
row " nodes " " roundtime " " ledgers/s, no inputs " " interval: median / p99 / longest " \
    " failed attempts "
row ---: ---: ---: ---: ---:
for size in "${sizes[@]}"; do
    for roundtime in 20 50; do measure_sustained "$size" "$roundtime"; done
done
echo
row " nodes " " inputs/s sent " " accepted/s " " outputs/s " " input → accepted " \
    " → output, median " " lost "
row ---: ---: ---: ---: ---: ---: ---:
for size in "${sizes[@]}"; do
    for rate in 500 1500 max; do measure_rate "$size" "$rate"; done
done
echo
row " nodes " " roundtime " " CPU of a node without inputs " " RSS " \
    " bytes sent a node and ledger "
row ---: ---: ---: ---: ---:
for size in "${sizes[@]}"; do
    for roundtime in 1000 50; do measure_idle "$size" "$roundtime"; done
done
echo
row " nodes " " roundtime " " all started → first ledger " " kill -9, started again → votes "
row ---: ---: ---: ---:
for size in "${sizes[@]}"; do measure_starts "$size" 1000; done
exit $((failures > 0))
