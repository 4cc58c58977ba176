// SPDX-License-Identifier: Apache-2.0
//
// Section 17, tests 25-30: messages that cannot be dispatched, and the rate limits.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { NodePool } from '../lib/node.mjs';
import { bson } from '../lib/rawclient.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip, range, sleep } from '../lib/util.mjs';

const bad_messages_max = 5;
const bytes_per_min_max = 50000;
const silence_ms = 1000;
const binary_subtype = 0x80;

const nodes = new NodePool({
    plain: {},
    // Malformed bytes have a node to themselves: if they end it, other results stand.
    malformed: {},
    few_faults: { config: { user: { max_bad_msgs_per_min: bad_messages_max } } },
    few_bytes: { config: { user: { max_bytes_per_min: bytes_per_min_max } } },
});

const rejection = (reason) => ({
    type: 'contract_input_status',
    status: 'rejected',
    reason,
    input_hash: '',
});

const unparsable = {
    'broken JSON': '{"type":"lcl"',
    'an empty message': '',
    'no object': '["lcl"]',
    'a string': '"lcl"',
    'no type': '{}',
    'type a number': '{"type":5}',
    'type null': '{"type":null}',
    'two values': '{"type":"lcl"} {"type":"lcl"}',
    'trailing comma': '{"type":"lcl",}',
    'single quotes': "{'type':'lcl'}",
    'bytes that are not UTF-8': Buffer.from('7b2274797065223a22ff227d', 'hex'),
    'deep nesting': `{"type":${'['.repeat(5000)}${']'.repeat(5000)}}`,
};

describe('17 dispatch', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const [name, text] of Object.entries(unparsable)) {
        scoped_test(`17.25 bad_msg_format: ${name}`, async (scope) => {
            const client = await scope.login(await nodes.get('malformed'));
            client.send_raw(text);
            const record = await client.wait('contract_input_status');
            assert.deepEqual(record.msg, rejection('bad_msg_format'));
            await client.lcl();
        });
    }

    for (const type of ['foo', 'LCL', '', 'user_challenge_response']) {
        scoped_test(`17.26 invalid_msg_type: "${type}"`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'));
            client.send({ type });
            const record = await client.wait('contract_input_status');
            assert.deepEqual(record.msg, rejection('invalid_msg_type'));
            await client.lcl();
        });
    }

    scoped_test('17.27 JSON text in a BSON session is bad_msg_format in BSON', async (scope) => {
        const client = await scope.login(await nodes.get('plain'), { protocol: 'bson' });
        client.send_raw('{"type":"lcl"}');
        const record = await client.wait('contract_input_status');
        assert.deepEqual(record.msg, rejection('bad_msg_format'));
        assert.equal(record.doc.input_hash._bsontype, 'Binary');
        assert.equal(record.doc.input_hash.sub_type, binary_subtype);
        assert.equal(record.doc.input_hash.length(), 0);
        await client.lcl();
    });

    const object_id = Buffer.from('0746696c6c657200', 'hex');
    const bad_bson = {
        'an empty message': Buffer.alloc(0),
        'a cut document': bson.serialize({ type: 'lcl' }).subarray(0, 12),
        'type a number': bson.serialize({ type: 5 }),
        'no type': bson.serialize({ hello: 'x' }),
        'an ObjectId': bson.serialize({ type: 'lcl', id: new bson.ObjectId() }),
        'random bytes': object_id,
    };
    for (const [name, bytes] of Object.entries(bad_bson)) {
        scoped_test(`17.27 BSON bad_msg_format: ${name}`, async (scope) => {
            const client = await scope.login(await nodes.get('malformed'), { protocol: 'bson' });
            client.send_raw(bytes);
            const record = await client.wait('contract_input_status');
            assert.deepEqual(record.msg, rejection('bad_msg_format'));
            await client.lcl();
        });
    }

    const unanswered = {
        'subscription without channel': { type: 'subscription', enabled: true },
        'subscription to an unknown channel': { type: 'subscription', channel: 'x', enabled: true },
        'subscription with enabled a string': {
            type: 'subscription',
            channel: 'unl_change',
            enabled: 'true',
        },
        'query without id': {
            type: 'ledger_query',
            filter_by: 'seq_no',
            params: { seq_no: 0 },
            include: [],
        },
        'query with an empty id': {
            type: 'ledger_query',
            id: '',
            filter_by: 'seq_no',
            params: { seq_no: 0 },
            include: [],
        },
        'query by hash': {
            type: 'ledger_query',
            id: 'q',
            filter_by: 'hash',
            params: { seq_no: 0 },
            include: [],
        },
        'query with seq_no a string': {
            type: 'ledger_query',
            id: 'q',
            filter_by: 'seq_no',
            params: { seq_no: '0' },
            include: [],
        },
        'query without include': {
            type: 'ledger_query',
            id: 'q',
            filter_by: 'seq_no',
            params: { seq_no: 0 },
        },
    };
    for (const [name, message] of Object.entries(unanswered)) {
        for (const protocol of ['json', 'bson']) {
            scoped_test(`17.28 no reply: ${name} (${protocol})`, async (scope) => {
                const client = await scope.login(await nodes.get('plain'), { protocol });
                const from = client.mark();
                client.send(message);
                // The absence of a reply is what this test is about; 1 s is the given time.
                await sleep(silence_ms);
                assert.deepEqual(client.received(from), []);
                await client.lcl();
            });
        }
    }

    scoped_test(
        '17.29 the sixth bad message within a minute ends the connection',
        async (scope) => {
            const node = await nodes.get('few_faults');
            const client = await scope.login(node, { local_address: fresh_ip() });
            for (const _ of range(bad_messages_max)) client.send_raw('{');
            await client.wait_count(bad_messages_max, 'contract_input_status');
            await client.lcl();
            client.send_raw('{');
            await client.wait_closed();
            // The limit is per connection.
            const again = await scope.login(node);
            await again.lcl();
        },
    );

    scoped_test('17.30 more than max_bytes_per_min ends the connection', async (scope) => {
        const node = await nodes.get('few_bytes');
        const client = await scope.login(node, { local_address: fresh_ip() });
        const message = { type: 'lcl', pad: 'x'.repeat(9900) };
        for (const _ of range(4)) await client.request(message, 'lcl_response');
        client.send(message);
        client.send(message);
        await client.wait_closed();
        assert.ok(
            client.messages('lcl_response').length <= 5,
            'messages over the limit were served',
        );
        const again = await scope.login(node);
        await again.lcl();
    });
});
