// SPDX-License-Identifier: Apache-2.0
// The run: every request in order, one answer each.

'use strict';

const HotPocket = require('../lib/hotpocket-contract');
const { handle } = require('./store');

new HotPocket.Contract().init(async (ctx) => {
    for (const user of ctx.users.list()) {
        for (const input of user.inputs) {
            const answer = handle(await ctx.users.read(input), ctx.readonly);
            if (answer.length > 0) await user.send(Buffer.from(answer));
        }
    }
});
