#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# client/file.sh put FILE [NAME]     uploads, or goes on with an upload
# client/file.sh get NAME FILE       downloads
# client/file.sh list
# hpcli finds the cluster of this project by itself; HP_SERVERS=wss://... names another.
set -eu
chunk=${CHUNK:-500000}

# The number that a member of an answer has.
member() {
    sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p"
}

put() {
    file=$1
    name=${2:-$(basename "$file")}
    total=$(wc -c <"$file")
    done_yet=$(hpcli read "stat $name")
    at=0
    case $done_yet in
    *'"done":false'*) at=$(echo "$done_yet" | member size) ;;
    esac
    while :; do
        answer=$({
            printf 'put %s %d %d\n' "$name" "$at" "$total"
            tail -c "+$((at + 1))" "$file" | head -c "$chunk"
        } | hpcli send -)
        echo "$answer"
        at=$(echo "$answer" | member next)
        case $answer in
        *'"done":true'*) return 0 ;;
        *'"next"'*) ;;
        *) return 1 ;;
        esac
    done
}

get() {
    size=$(hpcli read "stat $1" | member size)
    [ -n "$size" ] || { echo "there is no $1" >&2; return 1; }
    : >"$2"
    at=0
    while [ "$at" -lt "$size" ]; do
        hpcli read "get $1 $at $chunk" --raw >>"$2"
        at=$(wc -c <"$2")
    done
}

case ${1:-} in
put) put "$2" "${3:-}" ;;
get) get "$2" "$3" ;;
list) hpcli read list ;;
*) sed -n '3,6s/^# //p' "$0" >&2; exit 2 ;;
esac
