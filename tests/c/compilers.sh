#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The C contract header must not cause a warning, whichever compiler and standard a contract uses.
#     compilers.sh <repository>
set -eu
include=$1/contract-sdk/c/include
tests=$1/tests/c
warnings="-Werror -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef"
count=0

# Contracts in the published style cast const away; the header must not.
header_alone() { # compiler, standard, language, more flags
    echo '#include "hotpocket_contract.h"' |
        "$1" -std="$2" $warnings -Wcast-qual $4 -I"$include" -x "$3" -c - -o /dev/null
    count=$((count + 1))
}

compile() { # compiler, standard, file, more flags
    "$1" -std="$2" $warnings $4 -I"$include" -c "$3" -o /dev/null
    count=$((count + 1))
}

for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    header_alone $compiler c99 c "-O0 -Wstrict-prototypes -Wmissing-prototypes"
    header_alone $compiler c11 c "-O2 -funsigned-char"
    compile $compiler c99 "$tests/sample_contract.c" "-O2 -D_FORTIFY_SOURCE=2"
    compile $compiler gnu17 "$tests/sample_contract.c" -O0
    compile $compiler c99 "$tests/helpers_contract.c" "-O2 -Wcast-qual"
    compile $compiler gnu17 "$tests/helpers_contract.c" -O0
done
for compiler in g++ clang++; do
    command -v $compiler >/dev/null || continue
    header_alone $compiler c++11 c++ "-O0 -Wold-style-cast"
    header_alone $compiler gnu++20 c++ "-O2 -funsigned-char -Wold-style-cast"
    compile $compiler c++17 "$tests/api_plain.cpp" "-O2 -D_FORTIFY_SOURCE=2 -Wold-style-cast"
    compile $compiler c++17 "$tests/api_wrapped.cpp" "-O0 -Wold-style-cast"
done
echo "$count compilations without a warning"
test $count -ge 8
