// SPDX-License-Identifier: Apache-2.0
//
// Keeps files for users, with requests and answers in BSON: { type: "upload", fileName, content },
// { type: "delete", fileName } and { type: "download", fileName }.

'use strict';

const fs = require('fs');
const bson = require('bson');
const HotPocket = require('hotpocket-nodejs-contract');

const file_bytes_max = 10 * 1024 * 1024;

function upload({ fileName, content }, readonly) {
    if (readonly) return 'read-only';
    if (fs.existsSync(fileName)) return 'already exists';
    if (content.length() > file_bytes_max) return 'too large';
    fs.writeFileSync(fileName, content.buffer);
    return 'ok';
}

function remove({ fileName }, readonly) {
    if (readonly) return 'read-only';
    if (!fs.existsSync(fileName)) return 'not found';
    fs.unlinkSync(fileName);
    return 'ok';
}

function download({ fileName }) {
    return fs.existsSync(fileName) ? fs.readFileSync(fileName) : 'not found';
}

const handlers = { upload, delete: remove, download };

async function run(context) {
    for (const user of context.users.list()) {
        for (const input of user.inputs) {
            const request = bson.deserialize(await context.users.read(input));
            const result = handlers[request.type](request, context.readonly);
            const answer = Buffer.isBuffer(result) ? { content: result } : { status: result };
            await user.send(bson.serialize({ type: `${request.type}Result`, ...answer }));
        }
    }
}

new HotPocket.Contract().init(run, HotPocket.clientProtocols.bson);
