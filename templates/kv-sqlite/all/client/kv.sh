#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# client/kv.sh put NAME VALUE | get NAME | delete NAME | list
# hpcli finds the cluster of this project by itself; HP_SERVERS=wss://... names another.
set -eu
case ${1:-} in
put) hpcli send op=put "name=$2" "value=$3" ;;
get) hpcli read op=get "name=$2" ;;
delete) hpcli send op=delete "name=$2" ;;
list) hpcli read op=list ;;
*) sed -n '3s/^# //p' "$0" >&2; exit 2 ;;
esac
