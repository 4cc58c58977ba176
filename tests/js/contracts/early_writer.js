// SPDX-License-Identifier: Apache-2.0
//
// Adds a line to a file of its state before it reads its document, which it then echoes nothing of.

'use strict';

const fs = require('node:fs');

fs.appendFileSync('early.txt', 'x\n');
fs.readFileSync(0);
