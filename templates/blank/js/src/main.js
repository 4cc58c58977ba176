// SPDX-License-Identifier: Apache-2.0
// Called once for every ledger and once for every read request. See README.md.

'use strict';

const HotPocket = require('../lib/hotpocket-contract');

new HotPocket.Contract().init(async (ctx) => {
    for (const user of ctx.users.list()) {
        for (const input of user.inputs) {
            const bytes = await ctx.users.read(input);
            // The node's log shows what a contract prints: "hpdev logs --contract".
            console.log(`input of ${bytes.length} bytes`);
        }
    }
});
