// SPDX-License-Identifier: Apache-2.0
// Shows the council, the UNL and what is open, on the published JavaScript client:
//
//     npm install hotpocket-js-client
//     node client/membership.mjs wss://127.0.0.1:8081

import HotPocket from 'hotpocket-js-client';

const [server] = process.argv.slice(2);
const keys = await HotPocket.generateKeys();
const client = await HotPocket.createClient([server], keys, {
    protocol: HotPocket.protocols.json,
});
if (!(await client.connect())) {
    console.error(`no connection to ${server}`);
    process.exit(1);
}
const list = await client.submitContractReadRequest(JSON.stringify({ op: 'list' }));
console.log(JSON.stringify(list, null, 4));
await client.close();
