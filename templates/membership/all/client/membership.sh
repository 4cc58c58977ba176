#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# client/membership.sh KEY-OF-A-NODE
# Alice proposes to add the node, bob agrees. Both must be in the council ("join").
# hpcli finds the cluster of this project by itself; HP_SERVERS=wss://... names another.
set -eu
answer=$(hpcli send op=propose "add=$1" -k alice)
echo "$answer"
number=$(echo "$answer" | sed -n 's/.*"proposal":\([0-9]*\).*/\1/p')
[ -n "$number" ]
hpcli send op=vote "proposal:=$number" -k bob
hpcli read op=list
