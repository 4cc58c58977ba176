// SPDX-License-Identifier: Apache-2.0
//
// On the published Node.js contract library: every input makes each node send it over the node
// party line and wait until as many messages have come as the first argument says. Answers with
// the sorted list "<sender>:<text>"; what it heard is in ../heard.json as well. A node with a file
// ../late_ms lets that time pass before its contract begins. The library has to end the process: its
// listening never ends by itself.

'use strict';

const fs = require('fs');
const HotPocket = require('hotpocket-nodejs-contract');

const expected = Number(process.argv[2]);
const patience_ms = 10000;

function begin_late() {
    if (!fs.existsSync('../late_ms')) return;
    const duration_ms = Number(fs.readFileSync('../late_ms', 'utf8'));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, duration_ms);
}

async function gather(context, text) {
    const heard = [];
    const complete = new Promise((resolve) => {
        setTimeout(resolve, patience_ms);
        context.unl.onMessage((node, message) => {
            heard.push(`${node.publicKey}:${message}`);
            if (heard.length >= expected) resolve();
        });
    });
    await context.unl.send(text);
    await complete;
    heard.sort();
    fs.writeFileSync('../heard.json', JSON.stringify(heard));
    return heard.join('\n');
}

async function run(context) {
    for (const user of context.users.list()) {
        for (const input of user.inputs) {
            const text = (await context.users.read(input)).toString();
            await user.send(await gather(context, text));
        }
    }
}

begin_late();
new HotPocket.Contract().init(run, 'bson', true);
