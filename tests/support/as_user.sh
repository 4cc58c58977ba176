#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a program as a user without privileges; exit 77 ("skipped") where that is not possible, or
# where it already is one.
set -eu
[ "$(id -u)" = 0 ] || exit 77
user="setpriv --reuid=65534 --regid=65534 --clear-groups"
$user test -x "$1" 2>/dev/null || exit 77
exec $user "$@"
