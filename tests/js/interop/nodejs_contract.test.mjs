// SPDX-License-Identifier: Apache-2.0
//
// A contract on hotpocket-nodejs-contract, npm's and ours, used through the published client.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { with_user } from '../lib/jsclient.mjs';
import { contract_libraries, NodePool, script_contract } from '../lib/node.mjs';

const default_pace = { node: { pace: 'auto' }, contract: { consensus: { roundtime: 1000 } } };
const echo = (library, protocol) => ({
    config: default_pace,
    contract: script_contract('echo.js', { args: protocol, library }),
});

const contracts = contract_libraries.flatMap((library) =>
    ['json', 'bson'].map((protocol) => [`${library} ${protocol}`, library, protocol]),
);
const nodes = new NodePool(
    Object.fromEntries(contracts.map(([name, ...how]) => [name, echo(...how)])),
);

/** What the client sees of a value the contract sends: the JSON variant quotes strings. */
function seen_by(client_protocol, contract_protocol, value) {
    if (client_protocol === 'json') return value;
    const text = typeof value === 'string' && contract_protocol === 'bson';
    return text ? value : JSON.stringify(value);
}

/** A reported object, whichever of the two encodings carried it. */
const object_of = (value) => (typeof value === 'string' ? JSON.parse(value) : value);

describe('interop: Node.js contract', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const [name, , contract] of contracts) {
        for (const protocol of ['json', 'bson']) {
            const title = `${name} contract, ${protocol} client`;

            const with_client = (run) => with_user(nodes.get(name), run, protocol);

            test(`15.79 echo of inputs (${title})`, () =>
                with_client(async (user) => {
                    const texts = ['hello', 'größe €', 'x'.repeat(50000)];
                    for (const text of texts) {
                        const { status } = await user.submit(text);
                        assert.equal(status.status, 'accepted', status.reason);
                        await user.wait_output(seen_by(protocol, contract, text));
                    }
                    const object = { a: 1, list: ['x', null] };
                    await user.submit(JSON.stringify(object));
                    const same = JSON.stringify(object);
                    await user.wait_output((value) => {
                        return value === same || JSON.stringify(value) === same;
                    });
                }));

            test(`echo of reads (${title})`, () =>
                with_client(async (user) => {
                    const replies = await Promise.all(
                        ['one', 'two', 'three'].map((text) => user.read(text, text)),
                    );
                    const expected = ['one', 'two', 'three'].map((text) => {
                        return seen_by(protocol, contract, text);
                    });
                    assert.deepEqual(replies, expected);
                }));

            test(`execution context (${title})`, () =>
                with_client(async (user, node) => {
                    const common = {
                        contractId: node.cfg.contract.id,
                        publicKey: node.cfg.node.public_key,
                    };
                    const read = object_of(await user.read('info', 'info'));
                    assert.deepEqual(read, {
                        ...common,
                        readonly: true,
                        timestamp: 0,
                        lclSeqNo: null,
                        lclHash: null,
                        users: 1,
                        unl: 0,
                    });
                    const { status } = await user.submit('info');
                    const { value } = await user.wait_output((item) => {
                        return JSON.stringify(item).includes('lclSeqNo');
                    });
                    const info = object_of(value);
                    assert.equal(info.contractId, common.contractId);
                    assert.equal(info.publicKey, common.publicKey);
                    assert.equal(info.readonly, false);
                    assert.equal(info.lclSeqNo, status.ledgerSeqNo);
                    assert.equal(info.lclHash, user.hex_of(status.ledgerHash));
                    assert.ok(info.timestamp > 0);
                    assert.ok(info.users >= 1);
                    assert.equal(info.unl, 1);
                    const config = object_of(await user.read('config', 'config'));
                    assert.equal(config.version, node.cfg.contract.version);
                }));
        }
    }
});
