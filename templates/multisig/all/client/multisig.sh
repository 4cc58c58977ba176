#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# client/multisig.sh TO AMOUNT
# Pays and shows the ledger. hpcli finds the cluster of this project by itself; HP_SERVERS=wss://...
# names another.
set -eu
hpcli send "pay $1 $2"
hpcli read status
