#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs fuzz targets one after another, each for some seconds, starting from the committed corpus.
# What they find stays in WORK_DIR/<target>; crashing inputs are WORK_DIR/<target>-crash-*.
# usage: run.sh BIN_DIR WORK_DIR SECONDS [TARGET...]       (BIN_DIR: of the fuzz preset)
set -u
[ $# -ge 3 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
bin=$1 work=$2 seconds=$3
shift 3
if [ $# -eq 0 ]; then
    for dictionary in "$here"/dict/*.dict; do
        set -- "$@" "$(basename "$dictionary" .dict)"
    done
fi
failed=0
for target in "$@"; do
    mkdir -p "$work/$target"
    "$bin/$target" "$work/$target" "$here/corpus/$target" -dict="$here/dict/$target.dict" \
        -max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2048 -timeout=10 \
        -use_value_profile=1 \
        -print_final_stats=1 -artifact_prefix="$work/$target-" >"$work/$target.log" 2>&1 </dev/null
    code=$?
    sum=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$work/$target.log")
    if [ $code -eq 0 ]; then
        echo "$target: ok, ${sum:-?} inputs, ${rate:-?}/s"
    else
        echo "$target: FAILED after ${sum:-?} inputs, see $work/$target.log"
        failed=1
    fi
done
exit $failed
