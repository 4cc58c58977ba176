// SPDX-License-Identifier: Apache-2.0
//
// Section 17, test 64: the published JavaScript client in short; interop/ has the long version.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { PublishedClient } from '../lib/jsclient.mjs';
import { NodePool } from '../lib/node.mjs';

const nodes = new NodePool({
    defaults: { config: { node: { pace: 'auto' }, contract: { consensus: { roundtime: 1000 } } } },
});

describe('17 published client', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const protocol of ['json', 'bson']) {
        test(`17.64 connect, input, output, read, stat, query (${protocol})`, async () => {
            const node = await nodes.get('defaults');
            const user = await PublishedClient.connect(node, {
                protocol,
                contractId: node.cfg.contract.id,
                contractVersion: node.cfg.contract.version,
                trustedServerKeys: [node.cfg.node.public_key],
            });
            try {
                const { hash, status } = await user.submit('hello');
                assert.equal(status.status, 'accepted', node.log_tail());
                const output = await user.wait_output('hello');
                assert.equal(output.ledger, status.ledgerSeqNo + 1);
                assert.equal(await user.read('read me', 'r1'), 'read me');
                const stat = await user.client.getStatus();
                assert.equal(stat.roundTime, 1000);
                const ledger = await user.client.getLedgerBySeqNo(status.ledgerSeqNo, true, true);
                assert.equal(ledger.seqNo, status.ledgerSeqNo);
                assert.ok(ledger.inputs.some((input) => user.hex_of(input.hash) === hash));
            } finally {
                await user.close();
            }
        });
    }
});
