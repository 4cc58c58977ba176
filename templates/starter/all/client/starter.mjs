// SPDX-License-Identifier: Apache-2.0
// Adds numbers and shows the total, on the published JavaScript client:
//
//     npm install hotpocket-js-client
//     node client/starter.mjs wss://127.0.0.1:8081 1 2 3

import HotPocket from 'hotpocket-js-client';

const [server, ...numbers] = process.argv.slice(2);
const keys = await HotPocket.generateKeys();
const client = await HotPocket.createClient([server], keys, {
    protocol: HotPocket.protocols.json,
});

const outputs = [];
client.on(HotPocket.events.contractOutput, (result) => outputs.push(...result.outputs));
if (!(await client.connect())) {
    console.error(`no connection to ${server}`);
    process.exit(1);
}

for (const number of numbers) {
    const input = await client.submitContractInput(`add ${number}`);
    const status = await input.submissionStatus;
    if (status.status !== 'accepted') {
        console.error(`add ${number}: ${status.reason}`);
    }
}
// Outputs are agreed on with the ledger after the one that took the input.
for (let waited_ms = 0; outputs.length < numbers.length && waited_ms < 20000; waited_ms += 100) {
    await new Promise((resolve) => setTimeout(resolve, 100));
}
for (const output of outputs) {
    console.log(output);
}
console.log(await client.submitContractReadRequest('get'));
await client.close();
