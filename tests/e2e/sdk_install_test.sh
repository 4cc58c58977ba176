#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the contract SDK into a scratch prefix, moves it, and builds and tests a contract against
# it: with CMake, and with pkg-config and a compiler alone. Argument: the build directory. CXX
# (default g++ and, where there is one, clang++) and CXXFLAGS are used as given.
set -euo pipefail
build=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
consumer=$root/tests/sdk/install
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

die() { echo "sdk_install: $*" >&2; exit 1; }
flags=(-std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
read -ra given <<<"${CXXFLAGS:-}"

cmake --install "$build" --component Contract --prefix "$scratch/first" >/dev/null
mv "$scratch/first" "$scratch/prefix"
prefix=$scratch/prefix
if grep -rlF -e "$build" -e "$root" "$prefix" --include=*.cmake --include=*.pc; then
    die "the files above name the build or source directory"
fi
pc=$(find "$prefix" -name hpcontract.pc)
[ -n "$pc" ] || die "hpcontract.pc is missing"
export PKG_CONFIG_PATH=${pc%/*}
pkg-config --exact-version="$(pkg-config --modversion hpcontract)" hpcontract_testing ||
    die "the two modules differ in version"

compilers=("${CXX:-g++}")
if [ -z "${CXX:-}" ] && command -v clang++ >/dev/null; then compilers+=(clang++); fi
for cxx in "${compilers[@]}"; do
    tree=$scratch/build-${cxx##*/}
    echo "== $cxx: every header by itself"
    for header in "$prefix"/include/hp/contract/*.hpp; do
        echo "#include <${header#"$prefix/include/"}>" |
            "$cxx" "${flags[@]}" "${given[@]}" -I "$prefix/include" -fsyntax-only -x c++ - ||
            die "$header does not stand alone"
    done

    echo "== $cxx: CMake"
    cmake -S "$consumer" -B "$tree" -DCMAKE_CXX_COMPILER="$cxx" \
        -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Debug >"$scratch/log" 2>&1 ||
        { cat "$scratch/log"; die "configuring failed"; }
    cmake --build "$tree" >"$scratch/log" 2>&1 ||
        { cat "$scratch/log"; die "building failed"; }
    ctest --test-dir "$tree" --output-on-failure >"$scratch/log" 2>&1 ||
        { cat "$scratch/log"; die "the contract's test failed"; }

    echo "== $cxx: the starter template"
    "$build/bin/hpdev" new starter --dir "$scratch/starter-${cxx##*/}" --no-git >/dev/null
    cmake -S "$scratch/starter-${cxx##*/}" -B "$tree-starter" -DCMAKE_CXX_COMPILER="$cxx" \
        -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/log" 2>&1 ||
        { cat "$scratch/log"; die "configuring the template failed"; }
    cmake --build "$tree-starter" >"$scratch/log" 2>&1 ||
        { cat "$scratch/log"; die "building the template failed"; }
    status=0
    "$tree-starter/starter" </dev/null 2>"$scratch/log" || status=$?
    [ "$status" -eq 2 ] || die "the template ended with $status"
    grep -q "standard input is empty" "$scratch/log" || die "the template did not say why"

    echo "== $cxx: pkg-config"
    read -ra contract < <(pkg-config --cflags --libs hpcontract)
    read -ra testing < <(pkg-config --cflags --libs hpcontract_testing)
    "$cxx" "${flags[@]}" "${given[@]}" "$consumer/main.cpp" -o "$scratch/visits" "${contract[@]}"
    "$cxx" "${flags[@]}" "${given[@]}" "$consumer/visits_test.cpp" -o "$scratch/visits_test" \
        "${testing[@]}"
    "$scratch/visits_test" "$scratch/visits" || die "the contract's test failed"
done
