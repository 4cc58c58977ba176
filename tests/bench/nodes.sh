# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# What the scripts here share: their options, nodes of their own in a scratch directory on free
# loopback ports, and hpbench's results. To be sourced with the script's own arguments, which leaves
# the repository as working directory; needs jq.
#   --quick     a short round, to see that everything works
#   --raw FILE  also keep the JSON results, one a line
#   BIN_DIR     with hpnode, hpbench, echo_contract (default: build/release/bin)

script=$(realpath "$0")
cd "${script%/*}/../.." || exit 1

usage() {
    sed -n 's/^# usage: /usage: /p' "$script" >&2
    exit 2
}

quick=
raw=/dev/null
bin=build/release/bin
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --raw)
        [ $# -ge 2 ] || usage
        raw=$2
        shift
        ;;
    -*) usage ;;
    *) bin=$1 ;;
    esac
    shift
done
bin=$(cd "$bin" && pwd) || exit 1

work=$(mktemp -d "${TMPDIR:-/tmp}/hp_bench.XXXXXX")
chmod 755 "$work" # nodes may be another user's
mkdir "$work/home"
as_user=() # words in front of hpnode: who runs it
node_pid=
failures=0
result='{}'
: >"$raw"

stop_node() {
    [ -n "$node_pid" ] || return 0
    kill "$node_pid" 2>/dev/null
    wait "$node_pid" 2>/dev/null
    node_pid=
    rm -rf "$work/home/node"
}
trap 'stop_node; rm -rf "$work"' EXIT

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            echo "${0##*/}: $program is missing" >&2
            exit 1
        }
    done
}

need jq "$bin/hpnode" "$bin/hpbench" "$bin/echo_contract"

# Below the range from which the system takes ports for outgoing connections.
free_port() {
    local port
    while :; do
        port=$((10000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo $port
}

# pick FULL QUICK: the amount to measure with.
pick() { if [ -n "${quick:-}" ]; then echo "$2"; else echo "$1"; fi; }

# A fresh node, not running yet. The echo contract is in its state: a sandbox hides much else.
new_node() {
    stop_node
    rm -rf "$work/home/node"
    "${as_user[@]}" "$bin/hpnode" new "$work/home/node" >/dev/null &&
        "${as_user[@]}" cp "$bin/echo_contract" "$work/home/node/contract_fs/seed/state/" || exit 1
}

# run_node ROUNDTIME PACE [JQ_FILTER]: with the C++ echo contract unless the filter says otherwise;
# sets $url and $node_pid. Fails when the node does not start.
run_node() {
    local port config=$work/home/node/cfg/hp.cfg log=$work/home/node/log/hp.log
    port=$(free_port)
    jq --argjson port "$port" --argjson roundtime "$1" \
        --arg pace "$2" \
        '.user.port = $port | .log.loggers = ["file"] | .node.pace = $pace
         | .contract.bin_path = "echo_contract" | .contract.consensus.roundtime = $roundtime
         | '"${3:-.}" "$config" >"$work/config" || exit 1
    cat "$work/config" >"$config" # keeps the file's mode
    "${as_user[@]}" "$bin/hpnode" run "$work/home/node" 2>"$work/node.err" &
    node_pid=$!
    url=wss://127.0.0.1:$port
    for _ in $(seq 100); do
        grep -qs 'listening for users' "$log" && break
        kill -0 "$node_pid" 2>/dev/null || break
        sleep 0.1
    done
    grep -qs 'listening for users' "$log" || return 1
    sleep "$(pick 2 0.5)"
}

# start_node ROUNDTIME PACE [JQ_FILTER]: a fresh one, running.
start_node() {
    new_node
    run_node "$@" || {
        echo "${0##*/}: the node does not start" >&2
        cat "$work/node.err" "$work/home/node/log/hp.log" >&2
        exit 1
    }
}

# bench NAME ARGS...: runs hpbench; its JSON is then in $result, and with the name in $raw.
bench() {
    local name=$1
    shift
    echo "... $name: hpbench $*" >&2
    if result=$("$bin/hpbench" --json "$@" --url "$url" 2>"$work/error"); then
        jq -c --arg name "$name" '{name: $name} + .' <<<"$result" >>"$raw"
    else
        cat "$work/error" >&2
        result='{}'
        failures=$((failures + 1))
    fi
}

# number KEY [DIGITS]: from $result; "failed" when it is not there.
number() {
    jq -r --arg key "$1" '.[$key] // "failed"' <<<"$result" |
        awk -v digits="${2:-1}" '$1 == "failed" { print; next } { printf "%.*f\n", digits, $1 }'
}

# middle NUMBERS...: their median, with the least and the most when these differ.
middle() {
    printf '%s\n' "$@" | sort -n | awk '{ all[NR] = $1 }
        END { if (all[1] == all[NR]) print all[1]
              else print all[int((NR + 1) / 2)] " (" all[1] " to " all[NR] ")" }'
}
