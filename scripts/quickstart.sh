#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a running smart contract: installs packages, builds, starts a cluster of
# three nodes with the starter contract, sends it an input and prints the answer that the nodes
# agreed on. On a terminal the cluster then keeps running until Ctrl-C; otherwise everything is
# taken down again.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mapfile -t packages < <(build_packages | grep -vx chromium) # only tests need a browser
install_packages "${packages[@]}"
preset=${HP_PRESET:-release}
build "$preset" hpnode hpcli hpdev starter_contract

bin=$HP_ROOT/build/$preset/bin
work=$(mktemp -d "${TMPDIR:-/tmp}/hp-quickstart.XXXXXX")
cleanup() {
    "$bin/hpdev" down -C "$work" >&2 || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# hpdev and hpcli find the cluster of the folder that they are started in.
cd "$work"
mkdir bundle
cp "$bin/starter_contract" bundle/
say "hpdev up -d --contract bundle      (three nodes, in $work)"
"$bin/hpdev" up -d --contract bundle >&2

say "hpcli send -k alice 'add 5'      (agreed on by the nodes, executed by the contract on each)"
"$bin/hpcli" send -k alice 'add 5'
say "hpcli read -k alice 'get'        (a read request, answered by one node at once)"
"$bin/hpcli" read -k alice 'get'

if [ -t 1 ] && [ -t 0 ]; then
    say "the cluster keeps running; try, in another terminal:"
    cat >&2 <<EOT
    export PATH=$bin:\$PATH; cd $work
    hpcli send -k alice 'set hello'
    hpdev ps                         # also: logs -f, top, open, node stop 2
    hpdev new tally                  # elsewhere: a project of your own, and then "hpdev dev" in it
EOT
    say "Ctrl-C stops it and removes $work"
    "$bin/hpdev" logs -f --contract || true
fi
