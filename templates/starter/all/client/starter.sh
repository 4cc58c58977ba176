#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Adds numbers and shows the total: client/starter.sh 1 2 3
# hpcli finds the cluster of this project by itself; HP_SERVERS=wss://... names another.
set -eu
for number in "$@"; do
    hpcli send "add $number"
done
hpcli read get
