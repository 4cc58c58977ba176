#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the contract component, moves it, and builds a contract with nothing but pkg-config.
#     installed.sh <build directory> <repository>
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$1" --component Contract --prefix "$work/first" >"$work/log" || {
    cat "$work/log"
    exit 1
}
mv "$work/first" "$work/second"
PKG_CONFIG_PATH=$(dirname "$(find "$work/second" -name hpcontract-c.pc)")
export PKG_CONFIG_PATH
flags=$(pkg-config --cflags hpcontract-c)
pkg-config --modversion hpcontract-c | grep -q '^[0-9]'
${CC:-cc} -std=c99 $flags "$2/tests/c/sample_contract.c" -o "$work/contract"
status=0
"$work/contract" </dev/null 2>"$work/err" || status=$?
test $status -eq 1
grep -q 'standard input is empty' "$work/err"
echo "built with $flags"
