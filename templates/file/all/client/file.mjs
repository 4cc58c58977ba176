// SPDX-License-Identifier: Apache-2.0
// Uploads a file and downloads it again, on the published JavaScript client:
//
//     npm install hotpocket-js-client
//     node client/file.mjs wss://127.0.0.1:8081 picture.png copy.png

import fs from 'node:fs';
import path from 'node:path';

import HotPocket from 'hotpocket-js-client';

const CHUNK_BYTES = 500000;
const [server, from, to] = process.argv.slice(2);
const name = path.basename(from);
const content = fs.readFileSync(from);

const keys = await HotPocket.generateKeys();
const client = await HotPocket.createClient([server], keys, {
    protocol: HotPocket.protocols.bson, // bytes, not texts
});
if (!(await client.connect())) {
    console.error(`no connection to ${server}`);
    process.exit(1);
}

let answer = () => {};
client.on(HotPocket.events.contractOutput, ({ outputs }) => {
    outputs.forEach((output) => answer(JSON.parse(Buffer.from(output).toString())));
});

/** One input and its answer, which is agreed on with the ledger after the one that took it. */
async function send(bytes) {
    const answered = new Promise((resolve) => (answer = resolve));
    const input = await client.submitContractInput(bytes);
    const status = await input.submissionStatus;
    return status.status === 'accepted' ? answered : { error: status.reason };
}

for (let at = 0, done = false; !done;) {
    const head = Buffer.from(`put ${name} ${at} ${content.length}\n`);
    const reply = await send(Buffer.concat([head, content.subarray(at, at + CHUNK_BYTES)]));
    console.log(reply);
    if (reply.next === undefined) process.exit(1);
    [at, done] = [reply.next, reply.done];
}

const pieces = [];
for (let at = 0; at < content.length; at += pieces.at(-1).length) {
    const request = Buffer.from(`get ${name} ${at} ${CHUNK_BYTES}`);
    pieces.push(Buffer.from(await client.submitContractReadRequest(request)));
}
if (to) fs.writeFileSync(to, Buffer.concat(pieces));
await client.close();
