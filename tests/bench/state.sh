#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the size of the state costs a round, a whole node of its own for each line: one validator,
# eager, a C++ contract that changes nothing, one page of 4 KiB (or one of the small files), or
# everything. Both state backends; where FUSE cannot be used, plain alone. Prints Markdown tables;
# progress goes to stderr. Results mean something only on a machine that does nothing else.
# usage: state.sh [--quick] [--raw FILE] [BIN_DIR]
#   --quick     small states and few rounds, to see that everything works
#   --raw FILE  also keep the JSON results, one a line
#   BIN_DIR     with hpnode, hpbench, state_contract (default: build/release/bin); needs jq
set -u
cd "$(dirname "$0")/../.." || exit 1

quick=
raw=/dev/null
bin=build/release/bin
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --raw)
        raw=${2:?--raw needs a file}
        shift
        ;;
    -*)
        sed -n 's/^# usage: /usage: /p' "$0" >&2
        exit 2
        ;;
    *) bin=$1 ;;
    esac
    shift
done
bin=$(cd "$bin" && pwd) || exit 1
# shellcheck source=tests/bench/nodes.sh
source tests/bench/nodes.sh
need jq "$bin/hpnode" "$bin/hpbench" "$bin/state_contract"

row() { printf '|'; printf ' %s |' "$@"; echo; }
kib=1024
mib=$((1024 * 1024))

# state_node BACKEND WHAT BYTES FILES: a fresh node that runs; fails where there is no such backend.
state_node() {
    new_node
    local state=$work/home/node/contract_fs/seed/state
    rm -f "$state/echo_contract"
    cp "$bin/state_contract" "$state/"
    [ "$3" -eq 0 ] || head -c "$3" /dev/urandom >"$state/big"
    if [ "$4" -gt 0 ]; then
        head -c $(($4 * 100)) /dev/urandom | split -b 100 -d -a 6 - "$state/file-"
    fi
    run_node 100 eager ".state.backend = \"$1\" | .contract.bin_path = \"state_contract\"
        | .contract.bin_args = \"$2 $3 $4\" | .contract.max_input_ledger_offset = 0"
}

# The median of the output latency of one input at a time, ms. Not so often that the node, which
# closes two ledgers a roundtime, would make them wait.
round_ms() {
    bench "$1" latency --count "$2" --interval-ms 237
    number output_median_ms 2
}

backends="plain"
if state_node tracked nothing 0 0; then
    backends="plain tracked"
else
    echo "... no FUSE here: plain alone" >&2
fi

sizes="0:0 $kib:0 $mib:0 $((100 * mib)):0 $((1024 * mib)):0 0:10000"
[ -z "$quick" ] || sizes="0:0 $mib:0 0:100"

row State Backend "nothing changed" "4 KiB changed" "everything changed"
row --- --- --- --- ---
for size in $sizes; do
    for backend in $backends; do
        cells=()
        for what in nothing page everything; do
            count=$(pick 60 5)
            [ "$what" != everything ] || count=$(pick 5 2)
            state_node "$backend" "$what" "${size%:*}" "${size#*:}" || exit 1
            cells+=("$(round_ms "$backend $what $size" "$count") ms")
        done
        row "${size%:*} bytes, ${size#*:} files" "$backend" "${cells[@]}"
    done
done

echo
row "Read requests while every round changes everything" Backend "median" "p99"
row --- --- --- ---
big=$(pick $((100 * mib)) $mib)
for backend in $backends; do
    state_node "$backend" everything "$big" 0 || exit 1
    "$bin/hpbench" --json latency --count 1000000 --url "$url" >/dev/null 2>&1 &
    writer=$!
    sleep 1
    bench "reads during commits, $backend" reads --count "$(pick 200 10)" --interval-ms 37
    kill "$writer" 2>/dev/null
    wait "$writer" 2>/dev/null
    row "$big bytes" "$backend" "$(number read_median_ms 2) ms" "$(number read_p99_ms 2) ms"
done

echo
row "1000 SQLite transactions in one run" "time of the run"
row --- ---
for backend in $backends; do
    state_node "$backend" transactions 0 0 || exit 1
    bench "transactions, $backend" latency --count "$(pick 9 3)" --interval-ms 237
    row "$backend" "$(number output_median_ms 0) ms"
done

echo
row "Sync, one store from another" "time"
row --- ---
for size in "$(pick $((1024 * mib)) $mib):0" "0:$(pick 10000 100)"; do
    bench "sync $size" sync --dir "$work/home" --bytes "${size%:*}" --files "${size#*:}"
    row "${size%:*} bytes, ${size#*:} files" "$(number total_s 2) s"
done
exit $((failures > 0))
