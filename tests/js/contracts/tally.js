// SPDX-License-Identifier: Apache-2.0
//
// The behaviour of tally.sh on the published Node.js contract library. The first argument is the
// protocol of the outputs, "json" or "bson".

'use strict';

const fs = require('fs');
const HotPocket = require('hotpocket-nodejs-contract');

const file = 'lines.txt';

const content = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');

function answer(text, readonly) {
    if (text === 'lines') return content().trimEnd();
    if (readonly) return 'read-only';
    fs.appendFileSync(file, `${text}\n`);
    return String(content().split('\n').length - 1);
}

async function run(context) {
    for (const user of context.users.list()) {
        for (const input of user.inputs) {
            const text = (await context.users.read(input)).toString();
            await user.send(answer(text, context.readonly));
        }
    }
}

new HotPocket.Contract().init(run, process.argv[2]);
