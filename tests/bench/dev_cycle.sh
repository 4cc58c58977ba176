#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How long a contract's author waits: from a build to the first ledger of three nodes, and from a
# saved change to its run on all of them. Prints a Markdown table. Results mean something only on a
# machine that does nothing else.
# usage: dev_cycle.sh [--saves N] [BIN_DIR]
#   --saves N   changes of each project (default 5); the table has their median
#   BIN_DIR     with hpdev, hpnode (default: build/release/bin); needs jq, and NodeJS, CMake and
#               compilers as the projects do
set -euo pipefail
cd "$(dirname "$0")/../.."

saves=5
bin=build/release/bin
while [ $# -gt 0 ]; do
    case $1 in
    --saves)
        saves=${2:?--saves needs a number}
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
bin=$(cd "$bin" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/hp-dev-cycle.XXXXXX")
pid=
cleanup() {
    [ -z "$pid" ] || { kill -TERM "$pid" && wait "$pid" || true; }
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

# field EVENT NAME N: of the Nth such event, as soon as there is one.
field() {
    local found
    for _ in $(seq 600); do
        found=$(jq -r "select(.event == \"$1\") | .$2" ../events 2>/dev/null | sed -n "$3p")
        [ -z "$found" ] || { echo "$found"; return; }
        { kill -0 "$pid" && ! grep -q '"result":"failed"' ../events; } 2>/dev/null || break
        sleep 0.1
    done
    { echo "no $1 of $PWD"; cat ../events ../errors; } >&2
    return 1
}
median() { sort -n | sed -n "$(((saves + 1) / 2))p"; }

# measure LANGUAGE FILE LINE: a row. Every change is another such line, which makes another program.
measure() {
    "$bin/hpdev" new "tally-$1" --lang "$1" --no-git >/dev/null 2>&1
    cd "tally-$1"
    # All that is noted lies beside the project: in it, it would be taken for a source.
    rm -f ../saved ../rebuilt
    "$bin/hpdev" dev --json --no-check --logs none >../events 2>../errors &
    pid=$!
    local build first
    build=$(field build took_ms 1)
    first=$(field ledger took_ms 1)
    field dashboard url 1 >/dev/null
    for i in $(seq "$saves"); do
        sleep 0.3 # an editor is not that fast
        printf '%s\n' "$3" | sed "s/NUMBER/$i/g" >>"$2"
        field deploy took_ms "$i" >>../saved
        field build took_ms "$((i + 1))" >>../rebuilt
    done
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    echo "| $1 | $build | $first | $(median <../rebuilt) | $(median <../saved) |"
    cd ..
}

echo "| project | first build | build -> first ledger | build after a change | saved -> live |"
echo "|---|---|---|---|---|"
measure js src/tally.js '// change NUMBER'
measure c src/tally.c 'const char change_NUMBER[] = "change NUMBER";'
measure cpp src/tally.cpp 'extern const char change_NUMBER[]; const char change_NUMBER[] = "x";'
echo
echo "Milliseconds, the median of $saves changes; rounds of 500 ms, 3 nodes."
