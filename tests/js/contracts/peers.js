// SPDX-License-Identifier: Apache-2.0
//
// Changes the peers its node knows, on the published Node.js contract library, for ledgers and for
// read requests alike. Inputs: {"add": [...], "remove": [...]} through the library, {"raw": "..."}
// as a packet of its own making; each is answered with "done".

'use strict';

const fs = require('fs');
const HotPocket = require('hotpocket-nodejs-contract');

// The library keeps the descriptor to itself. Reading at a position leaves the document for it.
function control_fd() {
    const document = Buffer.alloc(65536);
    const size = fs.readSync(0, document, 0, document.length, 0);
    return JSON.parse(document.toString('utf8', 0, size)).control_fd;
}

const control = control_fd();

async function run(context) {
    for (const user of context.users.list()) {
        for (const input of user.inputs) {
            const text = (await context.users.read(input)).toString();
            const { add, remove, raw } = JSON.parse(text);
            if (raw !== undefined) fs.writeSync(control, raw);
            else await context.updatePeers(add, remove);
            await user.send('done');
        }
    }
}

new HotPocket.Contract().init(run);
