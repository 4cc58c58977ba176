// SPDX-License-Identifier: Apache-2.0
//
// On the published Node.js contract library: listens to the node party line, which keeps a process
// from ending by itself. With the argument "force" the library ends it, and it listens in every
// run; without, only when there are inputs. Answers every input with the first message heard, in
// consensus runs, and with "read" in read requests.

'use strict';

const HotPocket = require('hotpocket-nodejs-contract');

const force_terminate = process.argv[2] === 'force';

async function first_message(context) {
    const heard = new Promise((resolve) => {
        context.unl.onMessage((node, message) => resolve(`${node.publicKey}:${message}`));
    });
    await context.unl.send(`ledger ${context.lclSeqNo}`);
    return heard;
}

async function run(context) {
    const has_inputs = context.users.list().some((user) => user.inputs.length > 0);
    if (!has_inputs && !force_terminate) return;
    const answer = context.readonly ? 'read' : await first_message(context);
    for (const user of context.users.list()) {
        for (const input of user.inputs) {
            await context.users.read(input);
            await user.send(answer);
        }
    }
}

new HotPocket.Contract().init(run, 'bson', force_terminate);
