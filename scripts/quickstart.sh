#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a running smart contract: installs packages, builds, creates a node with
# the starter contract, sends it an input and prints the agreed answer. On a terminal the node then
# keeps running until Ctrl-C; otherwise everything is taken down again.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mapfile -t packages < <(build_packages)
install_packages "${packages[@]}"
build release hpnode hpcli hpdev starter_contract

bin=$HP_ROOT/build/release/bin
work=$(mktemp -d "${TMPDIR:-/tmp}/hp-quickstart.XXXXXX")
node_pid=
cleanup() {
    if [ -n "$node_pid" ] && kill -0 "$node_pid" 2>/dev/null; then
        kill -TERM "$node_pid"
        wait "$node_pid" || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Below the range from which the system takes ports for outgoing connections: one of these could
# come between the choice and the start of the node.
free_port() {
    python3 -c 'import random, socket
for port in random.sample(range(10000, 20000), 1000):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            print(port)
            break'
}

say "creating a node in $work/node"
"$bin/hpnode" new "$work/node" >&2
cp "$bin/starter_contract" "$work/node/contract_fs/seed/state/"
port=$(free_port)
python3 - "$work/node/cfg/hp.cfg" "$port" "$(free_port)" <<'PY'
import json, sys
path, user_port, mesh_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(path) as file:
    config = json.load(file)
config["contract"]["bin_path"] = "starter_contract"
config["user"]["port"] = user_port
config["mesh"]["port"] = mesh_port
with open(path, "w") as file:
    json.dump(config, file, indent=4)
PY
"$bin/hpnode" check "$work/node" >&2

say "starting it; its log is $work/node/log/hp.log"
"$bin/hpnode" run "$work/node" >"$work/node.out" 2>&1 &
node_pid=$!

# The user's key lives and dies with this demonstration.
export XDG_DATA_HOME=$work/data HP_SERVERS=wss://127.0.0.1:$port
for _ in $(seq 100); do
    if "$bin/hpcli" lcl >/dev/null 2>&1; then
        break
    fi
    kill -0 "$node_pid" 2>/dev/null || { cat "$work/node.out" >&2; die "the node did not start"; }
    sleep 0.1
done

say "hpcli send 'add 5'      (agreed on by the UNL, executed by the contract)"
"$bin/hpcli" send 'add 5'
say "hpcli read 'get'        (a read request, answered at once)"
"$bin/hpcli" read 'get'

if [ -t 1 ] && [ -t 0 ]; then
    say "the node keeps running; try, in another terminal:"
    cat >&2 <<EOT
    export HP_SERVERS=$HP_SERVERS
    $bin/hpcli send 'set hello'
    $bin/hpcli watch ledgers
EOT
    say "Ctrl-C stops it and removes $work"
    wait "$node_pid" || true
fi
