#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the contract component, moves it, and builds a contract in C against it: with a compiler
# and pkg-config, and with CMake.
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

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.18)
project(consumer LANGUAGES C)
find_package(HotPocket REQUIRED COMPONENTS Contract)
add_executable(contract $2/tests/c/sample_contract.c)
target_link_libraries(contract PRIVATE hp::contract_c)
END
{
    cmake -S "$work/project" -B "$work/tree" -DCMAKE_PREFIX_PATH="$work/second" &&
        cmake --build "$work/tree"
} >"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}

for contract in "$work/contract" "$work/tree/contract"; do
    status=0
    "$contract" </dev/null 2>"$work/err" || status=$?
    test $status -eq 1
    grep -q 'standard input is empty' "$work/err"
done
echo "built with $flags and with CMake"
