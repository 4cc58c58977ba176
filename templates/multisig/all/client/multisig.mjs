// SPDX-License-Identifier: Apache-2.0
// Pays and shows the ledger, on the published JavaScript client:
//
//     npm install hotpocket-js-client
//     node client/multisig.mjs wss://127.0.0.1:8081 TO AMOUNT

import HotPocket from 'hotpocket-js-client';

const [server, to, amount] = process.argv.slice(2);
const keys = await HotPocket.generateKeys();
const client = await HotPocket.createClient([server], keys, {
    protocol: HotPocket.protocols.json,
});
if (!(await client.connect())) {
    console.error(`no connection to ${server}`);
    process.exit(1);
}
const answered = new Promise((resolve) => {
    client.on(HotPocket.events.contractOutput, ({ outputs }) => resolve(outputs[0]));
});
const input = await client.submitContractInput(`pay ${to} ${amount}`);
const status = await input.submissionStatus;
// Outputs are agreed on with the ledger after the one that took the input.
console.log(status.status === 'accepted' ? await answered : status);
console.log(await client.submitContractReadRequest('status'));
await client.close();
