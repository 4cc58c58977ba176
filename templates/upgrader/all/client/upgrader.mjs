// SPDX-License-Identifier: Apache-2.0
// Uploads a bundle and waits for the cluster's word, on the published JavaScript client:
//
//     npm install hotpocket-js-client
//     hpdev bundle -O next.hpb
//     node client/upgrader.mjs wss://127.0.0.1:8081 VERSION next.hpb
//
// It joins as an owner first, so there must be room for one.

import fs from 'node:fs';

import HotPocket from 'hotpocket-js-client';

const [server, version, file] = process.argv.slice(2);
const keys = await HotPocket.generateKeys();
const client = await HotPocket.createClient([server], keys, {
    protocol: HotPocket.protocols.bson, // bytes, not texts
});
if (!(await client.connect())) {
    console.error(`no connection to ${server}`);
    process.exit(1);
}

const answers = [];
let told = () => {};
client.on(HotPocket.events.contractOutput, ({ outputs }) => {
    answers.push(...outputs.map((output) => JSON.parse(Buffer.from(output).toString())));
    told();
});
async function next_answer() {
    while (answers.length === 0) await new Promise((resolve) => (told = resolve));
    const answer = answers.shift();
    console.log(answer);
    return answer;
}
async function send(bytes) {
    const input = await client.submitContractInput(bytes);
    const status = await input.submissionStatus;
    return status.status === 'accepted' ? next_answer() : { error: status.reason };
}

await send(Buffer.from('join'));
const bundle = fs.readFileSync(file);
const answer = await send(Buffer.concat([Buffer.from(`upgrade ${version}\n`), bundle]));
if (answer.upgrading) await next_answer(); // one ledger later
await client.close();
