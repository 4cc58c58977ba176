// SPDX-License-Identifier: Apache-2.0
//
// Users who pass the handshake and then send malformed, oversized or far too many messages.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, describe } from 'node:test';

import { NodePool } from '../lib/node.mjs';
import { bson } from '../lib/rawclient.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { besiege } from '../lib/siege.mjs';
import { fresh_ip, range, until } from '../lib/util.mjs';

const send_buffer_max = 4 * 1024 * 1024;
const flood_messages = 20000;
const stalled_messages = 60000;
const stalled_reads = 300;
const stalled_read_bytes = 1000000;
const flood_inputs = 2000;
const flood_reads = 300;

// A malformed message that stops a node must not hide what the others do, hence the many nodes.
const nodes = new NodePool({});

/** Sends as fast as the connection takes it, or until the node ends the connection. */
async function flood(client, count, make) {
    for (const index of range(count)) {
        if (client.end) return;
        client.send_raw(make(index));
        if (client.ws.bufferedAmount > send_buffer_max) {
            await until(() => client.end || client.ws.bufferedAmount < send_buffer_max / 2, {
                every_ms: 2,
                what: 'room in the send buffer',
            });
        }
    }
}

const attacker_of = (scope, node, options = {}) =>
    scope.login(node, { local_address: fresh_ip(), label: 'attacker', ...options });

/** BSON bytes whose lengths, types and terminators are wrong in one place each. */
function broken_bson() {
    const good = bson.serialize({ type: 'contract_input', sig: new bson.Binary(Buffer.alloc(64)) });
    const variants = [];
    for (const at of range(good.length)) {
        for (const value of [0x00, 0x7f, 0x80, 0xff]) {
            const bytes = Buffer.from(good);
            bytes[at] = value;
            variants.push(bytes);
        }
        variants.push(good.subarray(0, at));
    }
    return variants;
}

describe('hostile: messages', () => {
    after(() => nodes.dispose());

    const large_texts = {
        'a million brackets': () => '['.repeat(1000000),
        'nested objects': () => '{"a":'.repeat(200000),
        'a 4 MB string': () => `{"type":"${'x'.repeat(4 * 1024 * 1024)}"}`,
        '400 000 members': () =>
            `{${range(400000)
                .map((at) => `"${at}":0`)
                .join(',')}}`,
        'a huge number': () => `{"type":"lcl","n":${'9'.repeat(1000000)}}`,
        'zero bytes': () => Buffer.alloc(1000000),
    };
    for (const [name, make] of Object.entries(large_texts)) {
        scoped_test(`large malformed message: ${name}`, async (scope) => {
            const node = await nodes.get(name);
            const client = await attacker_of(scope, node);
            const other = await scope.login(node);
            client.send_raw(make());
            await client.lcl();
            await other.echo('alive');
            assert.ok(node.running);
        });
    }

    scoped_test('BSON with every byte wrong in turn', async (scope) => {
        const node = await nodes.get('bson');
        const client = await attacker_of(scope, node, { protocol: 'bson' });
        const variants = broken_bson();
        for (const bytes of variants) client.send_raw(bytes);
        // Most are rejected, a few stay readable; none of them may end the session or the node.
        await client.lcl();
        assert.ok(client.messages('contract_input_status').length > variants.length / 2);
        assert.ok(node.running);
    });

    scoped_test('BSON with deep nesting', async (scope) => {
        const node = await nodes.get('nested bson');
        const client = await attacker_of(scope, node, { protocol: 'bson' });
        // Each level is a document of one field "a"; written from the inside out.
        const depth = 20000;
        const bytes = Buffer.alloc(depth * 8 + 5);
        for (const level of range(depth)) {
            const at = level * 7;
            bytes.writeInt32LE(bytes.length - level * 8, at);
            bytes.write('\x03a\0', at + 4, 'latin1');
        }
        bytes.writeInt32LE(5, depth * 7);
        client.send_raw(bytes);
        await client.lcl();
        assert.ok(node.running);
    });

    scoped_test('BSON with 200 000 members', async (scope) => {
        const node = await nodes.get('wide bson');
        const client = await attacker_of(scope, node, { protocol: 'bson' });
        const other = await scope.login(node);
        client.send(Object.fromEntries(range(200000).map((at) => [`k${at}`, 0])));
        await client.lcl();
        await other.echo('alive');
        assert.ok(node.running);
    });

    scoped_test('signatures and keys of odd sizes in inputs', async (scope) => {
        const node = await nodes.get('plain');
        for (const protocol of ['json', 'bson']) {
            const client = await attacker_of(scope, node, { protocol });
            const max = await client.farthest_ledger();
            for (const size of [0, 1, 31, 63, 65, 128, 100000]) {
                const sig = crypto.randomBytes(size);
                const fields = {
                    sig: protocol === 'bson' ? new bson.Binary(sig) : sig.toString('hex'),
                };
                client.send_input(client.make_input('x', { max, fields }));
                const rejected = (msg) =>
                    msg.type === 'contract_input_status' && msg.status === 'rejected';
                await client.wait(rejected, {
                    from: client.mark() - 1,
                    what: `rejection, ${size} bytes`,
                });
            }
            await client.echo('good');
        }
    });

    scoped_test(`${flood_messages} garbage messages`, async (scope) => {
        const node = await nodes.get('plain');
        const attacker = await attacker_of(scope, node);
        await besiege(scope, node, () =>
            flood(attacker, flood_messages, (index) => `garbage ${index}`),
        );
    });

    scoped_test(`${stalled_messages} requests whose replies are never read`, async (scope) => {
        const node = await nodes.get('plain');
        const attacker = await attacker_of(scope, node);
        attacker.ws._socket.pause();
        const request = JSON.stringify({ type: 'stat' });
        await besiege(scope, node, async () => {
            // The node may stop reading from such a peer or end the connection; the attacker then
            // cannot get rid of its messages, which is no failure.
            await Promise.race([
                flood(attacker, stalled_messages, () => request).catch(() => {}),
                attacker.closed,
            ]);
        });
        attacker.ws.terminate();
    });

    scoped_test(`${stalled_reads} large read responses that are never read`, async (scope) => {
        const node = await nodes.get('plain');
        const attacker = await attacker_of(scope, node, { protocol: 'bson' });
        attacker.ws._socket.pause();
        await besiege(
            scope,
            node,
            async () => {
                for (const index of range(stalled_reads)) {
                    attacker.read(`r${index}`, `big:${stalled_read_bytes}`);
                }
                // The node is done with them when a later read of somebody else is answered.
                const other = await scope.login(node, { local_address: fresh_ip() });
                other.read('last', 'ping');
                await other.wait('contract_read_response');
            },
            { reads: false },
        );
        attacker.ws.terminate();
    });

    scoped_test('subscriptions whose notifications are never read', async (scope) => {
        const node = await nodes.get('plain');
        const watcher = await scope.login(node);
        watcher.subscribe('ledger_event');
        const stalled = await Promise.all(range(20).map(() => attacker_of(scope, node)));
        for (const client of stalled) {
            client.subscribe('ledger_event');
            client.ws._socket.pause();
        }
        await besiege(scope, node, () =>
            watcher.wait_count(4, 'ledger_event', { from: watcher.mark() }),
        );
        for (const client of stalled) client.ws.terminate();
    });

    scoped_test(`${flood_inputs} inputs of one user`, async (scope) => {
        const node = await nodes.get('plain');
        const attacker = await attacker_of(scope, node);
        const max = (await attacker.lcl()).ledger_seq_no + 10;
        const inputs = range(flood_inputs).map(() => attacker.make_input('none', { max }));
        await besiege(scope, node, async () => {
            await flood(attacker, inputs.length, (index) => JSON.stringify(inputs[index].message));
            const decided = (input) => attacker.statuses(input.hash).length > 0;
            await until(() => attacker.end || decided(inputs[inputs.length - 1]), {
                every_ms: 100,
                what: 'status of the last input',
            });
        });
    });

    scoped_test(
        `${flood_reads} slow reads of one user do not stop inputs of others`,
        async (scope) => {
            const node = await nodes.get('plain');
            const attacker = await attacker_of(scope, node);
            await besiege(
                scope,
                node,
                async () => {
                    for (const index of range(flood_reads)) attacker.read(`r${index}`, 'sleep:30');
                    await attacker.lcl();
                },
                { reads: false },
            );
        },
    );

    scoped_test('inputs with forged signatures', async (scope) => {
        const node = await nodes.get('plain');
        const attacker = await attacker_of(scope, node);
        const max = (await attacker.lcl()).ledger_seq_no + 10;
        const { message } = attacker.make_input('forged', { max });
        await besiege(scope, node, () =>
            flood(attacker, flood_inputs, () => {
                const sig = crypto.randomBytes(64).toString('hex');
                return JSON.stringify({ ...message, sig });
            }),
        );
    });
});
