#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hpcli against a real node: every command as text and as JSON, every exit code that a single node
# can provoke. Starts the node itself, on a free loopback port, in a directory of its own.
# usage: cli_test.sh BIN_DIR      (with hpnode, hpcli, hpdev, probe_contract; needs jq)
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${1:?usage: cli_test.sh BIN_DIR}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/hp_cli_test.XXXXXX")
export XDG_DATA_HOME=$work/data
unset HP_SERVERS
node_pid=
failures=0
checks=0

cleanup() {
    if [ -n "$node_pid" ]; then
        kill "$node_pid" 2>/dev/null
        wait "$node_pid" 2>/dev/null
    fi
    rm -rf "$work"
}
trap cleanup EXIT

# --- checking ------------------------------------------------------------------------------------

complain() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    echo "  stdout: $(head -c 600 "$work/out")"
    echo "  stderr: $(head -c 600 "$work/err")"
}

# expect CODE COMMAND...: runs it without a terminal, keeps $out and $err.
expect() {
    local want=$1
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null
    local got=$?
    out=$(tr -d '\0' <"$work/out")
    err=$(tr -d '\0' <"$work/err")
    checks=$((checks + 1))
    what="$*"
    what=${what//$bin\//}
    [ $got -eq "$want" ] || complain "$what: exit $got, expected $want"
}

# The same with --json: every line of stdout must be a document of the given schema.
expect_json() {
    local want=$1 schema=$2
    shift 2
    expect "$want" "$@" --json
    [ -n "$out" ] || complain "$what: no JSON"
    jq -es --arg schema "$schema" 'all(.schema == $schema)' <"$work/out" >/dev/null 2>&1 ||
        complain "$what: not JSON of $schema"
    if [ "$want" -gt 0 ] && [ "$want" -lt 100 ]; then
        is "$(field .ok)" false
        is "$(field .error.exit)" "$want"
    fi
}

field() {
    jq -r "$1" <"$work/out" 2>/dev/null
}

is() {
    checks=$((checks + 1))
    [ "$1" = "$2" ] || complain "$what: got \"$1\", expected \"$2\""
}

matches() {
    checks=$((checks + 1))
    [[ "$1" =~ $2 ]] || complain "$what: \"$1\" does not match $2"
}

# --- the node ------------------------------------------------------------------------------------

# Ours until this script ends.
coproc ports { exec "$root/support/own_ports.py" 2; }
read -r port mesh_port <&"${ports[0]}" || exit 1
url=wss://127.0.0.1:$port

make_node() {
    "$bin/hpnode" new "$work/node" >"$work/new.log" 2>&1 || {
        cat "$work/new.log"
        exit 1
    }
    cp "$bin/probe_contract" "$work/node/contract_fs/seed/state/"
}

start_node() {
    jq --argjson port "$port" --argjson mesh "$mesh_port" '
        .user.port = $port | .mesh.port = $mesh | .node.pace = "paced" |
        .contract.bin_path = "probe_contract" | .contract.consensus.roundtime = 250 |
        .node.history_config.max_raw_shards = 1' \
        "$work/node/cfg/hp.cfg" >"$work/hp.cfg" || exit 1
    cat "$work/hp.cfg" >"$work/node/cfg/hp.cfg" # keeps the mode
    "$bin/hpnode" run "$work/node" >"$work/node.log" 2>&1 &
    node_pid=$!
    for _ in $(seq 100); do
        "$bin/hpcli" lcl -s "$url" >"$work/out" 2>"$work/err" &&
            [ "$(cut -d' ' -f1 "$work/out")" -ge 2 ] && return 0
        kill -0 "$node_pid" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

make_node
start_node || {
    echo "FAILED: the node does not start"
    tail -20 "$work/node.log"
    exit 1
}
contract_id=$(jq -r .contract.id "$work/node/cfg/hp.cfg")
node_key=$(jq -r .node.public_key "$work/node/cfg/hp.cfg")
cli=$bin/hpcli
other_key=ed$(printf 'ab%.0s' $(seq 32))
at="-s $url"

# --- without a node ------------------------------------------------------------------------------

expect 0 "$cli" version
matches "$out" '^hpcli [0-9.]+ \(protocol 0\.6\.'
expect_json 0 hp.cli.version/1 "$cli" version
matches "$(field .hp_version)" '^0\.6\.'
expect_json 0 hp.cli.version/1 "$cli" -V
expect 0 "$bin/hpdev" version
expect_json 0 hp.dev.version/1 "$bin/hpdev" version
expect 2 "$bin/hpdev" bogus
for words in "" send read status lcl "ledger get" watch "key new" "key show" "key list" version; do
    expect 0 "$cli" $words --help
    matches "$out" 'examples:'
    expect 0 "$cli" $words --help-all
done
expect 2 "$cli"
expect 2 "$cli" bogus
expect_json 2 hp.cli.error/1 "$cli" bogus
expect_json 2 hp.cli.status/1 "$cli" status
is "$(field .error.code)" HPE-2002
expect_json 2 hp.cli.send/1 "$cli" send x $at --timeout 5

# --- keys ----------------------------------------------------------------------------------------

expect 0 "$cli" key list
is "$out" ""
expect 0 "$cli" key new alice
alice=$out
matches "$alice" '^ed[0-9a-f]{64}$'
is "$(stat -c %a "$XDG_DATA_HOME/hotpocket/keys/alice.key")" 600
expect_json 10 hp.cli.key.new/1 "$cli" key new alice
expect_json 0 hp.cli.key.new/1 "$cli" key new bob
bob=$(field .public_key)
expect 0 "$cli" key show alice
is "$out" "$alice"
expect_json 0 hp.cli.key.show/1 "$cli" key show bob
is "$(field .public_key)" "$bob"
expect_json 9 hp.cli.key.show/1 "$cli" key show nobody
expect 2 "$cli" key new ../evil
expect_json 0 hp.cli.key.list/1 "$cli" key list
is "$(field '.keys | map(.name) | join(" ")')" "alice bob"
cp "$XDG_DATA_HOME/hotpocket/keys/bob.key" "$work/loose.key"
chmod 644 "$work/loose.key"
expect_json 13 hp.cli.status/1 "$cli" status $at -k "$work/loose.key"
is "$(field .error.code)" HPE-13001
secret=$(jq -r .private_key "$XDG_DATA_HOME/hotpocket/keys/alice.key")

# --- connecting ----------------------------------------------------------------------------------

expect 3 "$cli" status -s "wss://127.0.0.1:1"
matches "$err" '^hpcli: error HPE-3001: '
is "$out" ""
expect_json 3 hp.cli.status/1 "$cli" status -s wss://127.0.0.1:1
is "$(field .error.code)" HPE-3001
expect 3 "$cli" status -s "ws://127.0.0.1:$port" --connect-timeout 1s # no TLS on a TLS port
expect 0 "$cli" lcl -s wss://127.0.0.1:1 $at
expect 0 env HP_SERVERS="wss://127.0.0.1:1,$url" "$cli" lcl
expect_json 4 hp.cli.status/1 "$cli" status $at --contract-id 00000000-0000-4000-8000-000000000000
is "$(field .error.code)" HPE-4003
expect 4 "$cli" status $at --contract-version 99.9
expect_json 4 hp.cli.status/1 "$cli" status $at --trusted-key "$other_key"
is "$(field .error.code)" HPE-4004
expect 0 "$cli" status $at --contract-id "$contract_id" --contract-version 1.0 \
    --trusted-key "$node_key"
expect 3 "$cli" status $at --verify-tls
expect 0 "$cli" status -s "wss://localhost:$port" --ca "$work/node/cfg/tlscert.pem"

# --- status, lcl, ledgers ------------------------------------------------------------------------

expect 0 "$cli" status $at
matches "$out" "vote status +synced"
expect_json 0 hp.cli.status/1 "$cli" status $at
is "$(field .vote_status)" synced
is "$(field .server.key)" "$node_key"
is "$(field .server.contract_id)" "$contract_id"
is "$(field '.unl[0]')" "$node_key"
expect_json 0 hp.cli.status/1 "$cli" --json status $at --protocol json
expect 0 "$cli" lcl $at
matches "$out" '^[0-9]+ [0-9a-f]{64}$'
expect_json 0 hp.cli.lcl/1 "$cli" lcl $at
seq=$(field .ledger.seq)
expect 0 "$cli" ledger get "$seq" $at
matches "$out" "state_hash +[0-9a-f]{64}"
expect_json 0 hp.cli.ledger.get/1 "$cli" ledger get "$seq" $at --inputs --outputs
is "$(field .ledger.seq)" "$seq"
is "$(field '.ledger.inputs | type')" array
is "$(field '.ledger.outputs | type')" array
expect 0 "$cli" ledger get lcl $at
expect 0 "$cli" ledger get 0 $at
expect_json 9 hp.cli.ledger.get/1 "$cli" ledger get 99999999 $at
expect_json 9 hp.cli.ledger.get/1 "$cli" ledger get 99999999 $at --inputs
expect 2 "$cli" ledger get seven $at

# --- read ----------------------------------------------------------------------------------------

expect 0 "$cli" read $at echo:hello
is "$out" hello
expect_json 0 hp.cli.read/1 "$cli" read $at 'echo:{"a":[1,2]}'
is "$(field '.data.a[1]')" 2
expect_json 0 hp.cli.read/1 "$cli" read $at raw:fffe
is "$(field .data_hex)" fffe
expect 0 "$cli" read $at op=x n:=5 # items make one JSON object, which names no probe
is "$out" '{"op":"x","n":5}'
expect 6 "$cli" read $at none --timeout 500ms
expect_json 6 hp.cli.read/1 "$cli" read $at none --timeout 500ms
expect 0 "$cli" read $at echo:again --protocol json
is "$out" again

# --- send ----------------------------------------------------------------------------------------

expect 0 "$cli" send $at echo:hello
is "$out" hello
matches "$err" 'made key "default" ed'
expect 0 "$cli" send $at echo:hello
is "$err" ""
expect_json 0 hp.cli.send/1 "$cli" send $at -k alice 'echo:{"total":5}'
is "$(field .status)" accepted
is "$(field '.outputs[0].data.total')" 5
is "$(field '.outputs[0].ledger - .ledger.seq')" 1
is "$(field '.validated | [.unl, .signed] | @csv')" "1,1"
seq=$(field .ledger.seq)
hash=$(field .input.hash)
nonce=$(field .input.nonce)
expect_json 0 hp.cli.ledger.get/1 "$cli" ledger get "$seq" $at --inputs
is "$(field ".ledger.inputs[] | select(.hash == \"$hash\") | .user")" "$alice"
expect_json 0 hp.cli.ledger.get/1 "$cli" ledger get $((seq + 1)) $at --outputs -k alice
is "$(field ".ledger.outputs[] | select(.user == \"$alice\") | .outputs[0].data.total")" 5
expect 0 "$cli" send $at -k alice multi:3
is "$out" $'1\n2\n3'
expect 0 "$cli" send $at -k alice none
is "$out" ""
matches "$err" 'no output'
expect_json 0 hp.cli.send/1 "$cli" send $at -k alice none
is "$(field '.outputs | length')" 0
expect_json 6 hp.cli.send/1 "$cli" send $at -k alice none --require-output
is "$(field .error.code)" HPE-6002
# With a key of its own: these inputs are left behind, and may share a ledger with what follows.
expect 0 "$cli" key new hasty
expect 0 "$cli" send $at -k hasty echo:x --wait ledger
matches "$out" '^[0-9]+ [0-9a-f]{64}$'
expect_json 0 hp.cli.send/1 "$cli" send $at -k hasty echo:x --wait ledger
is "$(field .status)" accepted
expect 0 "$cli" send $at -k hasty echo:x --wait sent
matches "$out" '^[0-9a-f]{64}$'
expect_json 0 hp.cli.send/1 "$cli" send $at -k hasty echo:x --wait sent
is "$(field .status)" sent
expect_json 5 hp.cli.send/1 "$cli" send $at -k alice echo:x --expires @1
is "$(field .error.reason)" max_ledger_expired
expect_json 5 hp.cli.send/1 "$cli" send $at -k alice echo:x --expires +1000
is "$(field .error.reason)" max_ledger_offset_exceeded
expect 0 "$cli" send $at -k alice echo:x
expect_json 5 hp.cli.send/1 "$cli" send $at -k alice echo:x --nonce "$nonce"
is "$(field .error.reason)" nonce_expired
expect_json 6 hp.cli.send/1 "$cli" send $at -k hasty echo:x --timeout 1ms
printf 'echo:from a file' >"$work/payload"
expect 0 "$cli" send $at -k alice "@$work/payload"
is "$out" "from a file"
expect 9 "$cli" send $at -k alice "@$work/missing"
expect 0 bash -c "printf 'echo:from a pipe' | '$cli' send $at -k alice -"
is "$out" "from a pipe"
expect 0 "$cli" send $at -k ephemeral echo:once
is "$out" once
expect 0 "$cli" send $at -k "$XDG_DATA_HOME/hotpocket/keys/bob.key" echo:file
is "$out" file
expect 9 "$cli" send $at -k nobody echo:x
expect 0 "$cli" send $at -k alice --protocol json echo:text
is "$out" text
expect 0 "$cli" send $at -k alice '[1,2]'
is "$out" '[1,2]'

# --- who signed ----------------------------------------------------------------------------------

expect_json 0 hp.cli.send/1 "$cli" send $at -k alice echo:x --trusted-key "$node_key" --quorum 1
is "$(field .validated.signed)" 1
expect_json 8 hp.cli.send/1 "$cli" send $at -k alice echo:x --trusted-key "$node_key" \
    --trusted-key "$other_key"
is "$(field .error.code)" HPE-8001
expect 0 "$cli" send $at -k alice echo:x --trusted-key "$node_key" --trusted-key "$other_key" \
    --quorum 0.5

# --- watch, signals, pipes -----------------------------------------------------------------------

expect 0 "$cli" watch ledgers $at --count 2
is "$(wc -l <"$work/out")" 2
expect_json 0 hp.cli.watch/1 "$cli" watch ledgers $at --count 3
is "$(jq -s '.[1].ledger.prev_hash == .[0].ledger.hash' "$work/out")" true
expect_json 6 hp.cli.watch/1 "$cli" watch outputs $at --timeout 300ms

# The reader has gone before the answer: no word, exit 141.
: >"$work/out"
for command in "watch ledgers $at" "status $at" "lcl $at --json" version "--help" "key list"; do
    what="$command into a closed pipe"
    { sleep 0.2 && exec "$cli" $command 2>"$work/err"; } | true
    is "${PIPESTATUS[0]}" 141
    is "$(cat "$work/err")" ""
done
what="an answer that cannot be written"
"$cli" version >/dev/full 2>"$work/err"
is $? 13
matches "$(cat "$work/err")" HPE-13002

interrupt() {
    "$cli" watch ledgers $at >"$work/out" 2>"$work/err" &
    local pid=$!
    sleep 0.7
    kill -"$1" $pid
    wait $pid
    local got=$?
    what="watch ended by $1"
    is $got "$2"
    matches "$(cat "$work/out")" '^ledger '
    is "$(cat "$work/err")" ""
}
set -m # background jobs of scripts ignore SIGINT otherwise
interrupt INT 130
interrupt TERM 143
set +m

# --- one session a key ---------------------------------------------------------------------------

"$cli" watch ledgers $at -k alice >/dev/null 2>&1 &
watcher=$!
sleep 0.5
expect_json 4 hp.cli.status/1 "$cli" status $at -k alice
is "$(field .error.code)" HPE-4005
kill $watcher
wait $watcher 2>/dev/null
expect 0 "$cli" status $at -k alice

# --- secrets stay secret -------------------------------------------------------------------------

expect 0 "$cli" -v send $at -k alice echo:x
is "$(cat "$work/out" "$work/err" | grep -c "${secret:2:64}")" 0

# --- the node goes away and comes back ------------------------------------------------------------

"$cli" watch ledgers $at --json >"$work/watched" 2>"$work/watched.err" &
watcher=$!
sleep 0.5
kill "$node_pid"
wait "$node_pid"
node_exit=$?
what="the node"
is "$node_exit" 0
"$bin/hpnode" run "$work/node" >>"$work/node.log" 2>&1 &
node_pid=$!
expect 0 timeout 30 "$cli" wait ledger +3 $at
kill $watcher
wait $watcher
watcher_exit=$?
what="a watch while the node is restarted"
is $watcher_exit 143
matches "$(cat "$work/watched.err")" 'connecting again'
is "$(jq -s '[.[] | select(.event == "ledger") | .ledger.seq] | . == [range(.[0]; .[-1] + 1)]' \
    "$work/watched")" true

echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
