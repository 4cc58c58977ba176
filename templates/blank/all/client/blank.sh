#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sends each argument and says in which ledger it is: client/blank.sh hello
# hpcli finds the cluster of this project by itself; HP_SERVERS=wss://... names another.
set -eu
for text in "$@"; do
    hpcli send --text "$text" --wait ledger
done
hpcli lcl
