#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What contract.warm_start does for a contract in NodeJS: latency of inputs and of read requests,
# without and with it, against nodes of its own on free loopback ports. Prints a Markdown table.
# usage: warm_start.sh [BIN_DIR]
#   BIN_DIR  with hpnode, hpbench (default: build/release/bin)
# Needs jq, node and tests/js/node_modules.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$(cd "${1:-build/release/bin}" && pwd) || exit 1
library=tests/js/node_modules/hotpocket-nodejs-contract
for needed in "$bin/hpnode" "$bin/hpbench" "$library/package.json"; do
    [ -e "$needed" ] || {
        echo "warm_start.sh: $needed is missing" >&2
        exit 1
    }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/hp_bench.XXXXXX")
node_pid=
stop_node() {
    [ -n "$node_pid" ] || return 0
    kill "$node_pid" 2>/dev/null
    wait "$node_pid" 2>/dev/null
    node_pid=
    rm -rf "$work/node"
}
trap 'stop_node; rm -rf "$work"' EXIT

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo $port
}

# start_node WARM_START: a fresh node with the echo contract of the JavaScript tests; sets $url.
start_node() {
    local port state=$work/node/contract_fs/seed/state config=$work/node/cfg/hp.cfg
    "$bin/hpnode" new "$work/node" >/dev/null || exit 1
    mkdir "$state/node_modules"
    cp tests/js/contracts/echo.js "$state"
    cp -r "$library" "$state/node_modules"
    port=$(free_port)
    jq --argjson warm "$1" --argjson port "$port" --arg node "$(command -v node)" \
        '.contract.warm_start = $warm | .user.port = $port | .node.pace = "eager"
         | .contract.bin_path = $node | .contract.bin_args = "echo.js bson"
         | .log.loggers = ["file"]' "$config" >"$work/config" || exit 1
    cat "$work/config" >"$config" # keeps the file's mode
    "$bin/hpnode" run "$work/node" &
    node_pid=$!
    url=wss://127.0.0.1:$port
    for _ in $(seq 100); do
        grep -qs 'listening for users' "$work/node/log/hp.log" && break
        sleep 0.1
    done
    sleep 2
}

# cell ARGS...: "median (fastest)" of what hpbench measures, for the name in $1.
cell() {
    local name=$1
    shift
    "$bin/hpbench" --json "$@" --url "$url" |
        jq -r --arg name "$name" '"\(.[$name + "_median_ms"] * 10 | round / 10) ms
(fastest \(.[$name + "_min_ms"] * 10 | round / 10))"' | tr '\n' ' '
}

inputs=()
reads=()
for warm in false true; do
    start_node $warm
    # Intervals that are no multiple of the roundtime: at any moment between two ledgers.
    inputs+=("$(cell output latency --count 20 --interval-ms 2370)")
    reads+=("$(cell read reads --outstanding 1 --count 100 --interval-ms 170)")
    stop_node
done
echo "| NodeJS echo, roundtime 1000 eager | without | with warm start |"
echo "| --- | --- | --- |"
echo "| input → output, an input every 2.37 s | ${inputs[0]}| ${inputs[1]}|"
echo "| read request → response, one every 170 ms | ${reads[0]}| ${reads[1]}|"
