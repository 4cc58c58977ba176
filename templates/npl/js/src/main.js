// SPDX-License-Identifier: Apache-2.0
// "roll" makes the nodes agree on a new number, "show" tells the last one.

'use strict';

const fs = require('fs');
const HotPocket = require('../lib/hotpocket-contract');
const { agree } = require('./roll');

const NUMBER_FILE = 'number.txt';

function answer(ctx, request, agreed) {
    if (request === 'roll' && ctx.readonly) {
        return { error: 'a read request cannot roll; send this as an input' };
    }
    if (request === 'roll' && !agreed) return { error: 'no agreement, try again' };
    if (request !== 'roll' && request !== 'show') {
        return { error: 'unknown request; try roll or show' };
    }
    const there = fs.existsSync(NUMBER_FILE);
    return { number: there ? fs.readFileSync(NUMBER_FILE, 'utf8') : null };
}

async function run(ctx) {
    const requests = [];
    for (const user of ctx.users.list()) {
        for (const input of user.inputs) {
            requests.push([user, (await ctx.users.read(input)).toString()]);
        }
    }
    // The same on every node, or they would wait for each other in vain.
    const wanted = !ctx.readonly && requests.some(([, request]) => request === 'roll');
    const number = wanted ? await agree(ctx) : undefined;
    if (number !== undefined) fs.writeFileSync(NUMBER_FILE, number);
    for (const [user, request] of requests) {
        await user.send(answer(ctx, request, number !== undefined));
    }
}

new HotPocket.Contract().init(run);
