// SPDX-License-Identifier: Apache-2.0
// The run: load, handle every input in order, save, answer.

'use strict';

const HotPocket = require('../lib/hotpocket-contract');
const { load, save } = require('./state_files');
const { handle } = require('./tally');

async function run(ctx) {
    const before = load();
    const state = { ...before };
    const answers = [];
    for (const user of ctx.users.list()) {
        for (const input of user.inputs) {
            const bytes = await ctx.users.read(input);
            answers.push([user, handle(state, bytes, ctx.readonly)]);
        }
    }
    // Save first: an answer must not promise what the disk does not hold.
    save(before, state);
    for (const [user, answer] of answers) {
        await user.send(Buffer.from(answer));
    }
}

new HotPocket.Contract().init(run);
