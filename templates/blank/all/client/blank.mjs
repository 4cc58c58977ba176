// SPDX-License-Identifier: Apache-2.0
// Sends each argument and says in which ledger it is, on the published JavaScript client:
//
//     npm install hotpocket-js-client
//     node client/blank.mjs wss://127.0.0.1:8081 hello

import HotPocket from 'hotpocket-js-client';

const [server, ...texts] = process.argv.slice(2);
const keys = await HotPocket.generateKeys();
const client = await HotPocket.createClient([server], keys, {
    protocol: HotPocket.protocols.json,
});
if (!(await client.connect())) {
    console.error(`no connection to ${server}`);
    process.exit(1);
}
for (const text of texts) {
    const input = await client.submitContractInput(text);
    const status = await input.submissionStatus;
    console.log(`${text}: ${status.status}`, status.ledgerSeqNo ?? status.reason);
}
await client.close();
