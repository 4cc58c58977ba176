// SPDX-License-Identifier: Apache-2.0
//
// Echo contract on the published Node.js contract library. The first argument is the protocol of
// the outputs, "json" or "bson". Inputs: "info" reports the execution context, "config" the
// contract version of the patch file, a JSON object comes back as an object, all else as text.

'use strict';

const HotPocket = require('hotpocket-nodejs-contract');

const protocol = process.argv[2] === 'bson' ? 'bson' : 'json';

async function reply_to(context, text) {
    if (text === 'info') {
        return {
            contractId: context.contractId,
            publicKey: context.publicKey,
            readonly: context.readonly,
            timestamp: context.timestamp,
            lclSeqNo: context.lclSeqNo ?? null,
            lclHash: context.lclHash ?? null,
            users: context.users.count(),
            unl: context.unl.count(),
        };
    }
    if (text === 'config') return { version: (await context.getConfig()).version };
    return text.startsWith('{') ? JSON.parse(text) : text;
}

async function run(context) {
    for (const user of context.users.list()) {
        for (const input of user.inputs) {
            const reply = await reply_to(context, (await context.users.read(input)).toString());
            const as_text = protocol === 'bson' && typeof reply !== 'string';
            await user.send(as_text ? JSON.stringify(reply) : reply);
        }
    }
}

new HotPocket.Contract().init(run, protocol);
