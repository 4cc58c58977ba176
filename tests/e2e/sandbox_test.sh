#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The sandbox tests on machines that allow less: as an ordinary user, and without namespaces.
# Usage: sandbox_test.sh <test_contract>
set -euo pipefail
tests=$1
output=$(mktemp)
trap 'rm -f "$output"' EXIT

run() { # title, command...
    local status=0
    echo "--- $1"
    shift
    "$@" >"$output" 2>&1 || status=$?
    grep -E "^(test cases|assertions|All tests|.*FAILED|.*: warning|  not |  CHECK)" "$output" ||
        true
    return $status
}

if [ "$(id -u)" = 0 ]; then
    run "an ordinary user" env TMPDIR=/tmp setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$tests" "[sandbox]"
fi
# In a user namespace of its own even an ordinary user can forbid all others.
if unshare -Ur true 2>/dev/null; then
    # shellcheck disable=SC2016
    run "no namespaces" unshare -Ur bash -c '
        for kind in mnt pid user net; do
            echo 0 > /proc/sys/user/max_${kind}_namespaces
        done
        exec "$@"' - "$tests" "[sandbox]"
fi
echo "ok"
