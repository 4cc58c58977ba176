// SPDX-License-Identifier: Apache-2.0
//
// Section 17, tests 1-11: TLS, the upgrade, frames and the message size limit.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { NodePool } from '../lib/node.mjs';
import { upgrade_request } from '../lib/rawsocket.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip, sleep } from '../lib/util.mjs';

const bytes_max = 10000;
const binary_opcode = 2;

const nodes = new NodePool({
    plain: {},
    small: { config: { user: { max_bytes_per_msg: bytes_max } } },
});

/** An `lcl` request of exactly `size` bytes; unknown fields are ignored. */
function padded_lcl(size) {
    const empty = JSON.stringify({ type: 'lcl', pad: '' });
    return JSON.stringify({ type: 'lcl', pad: 'x'.repeat(size - empty.length) });
}

describe('17 transport', { concurrency: true }, () => {
    after(() => nodes.dispose());

    scoped_test('17.1 a plain ws attempt gets no challenge and ends within 3 s', async (scope) => {
        const node = await nodes.get('plain');
        const socket = await scope.socket(node, { secure: false, local_address: fresh_ip() });
        socket.write(upgrade_request());
        await socket.wait_ended();
        assert.ok(!socket.received.includes('user_challenge'), socket.explain());
        assert.ok(!socket.received.includes('101 '), socket.explain());
    });

    scoped_test('17.2 any path works', async (scope) => {
        const client = await scope.connect(await nodes.get('plain'), { path: '/any?x=1' });
        assert.equal(client.challenge.type, 'user_challenge');
    });

    scoped_test('17.3 an offered permessage-deflate is not selected', async (scope) => {
        const client = await scope.login(await nodes.get('plain'), { deflate: true });
        assert.equal(client.ws.extensions, '');
        await client.lcl();
    });

    scoped_test('17.4 a requested subprotocol is not selected', async (scope) => {
        const socket = await scope.socket(await nodes.get('plain'), { local_address: fresh_ip() });
        socket.write(upgrade_request({ extra: ['Sec-WebSocket-Protocol: chat, superchat'] }));
        const head = await socket.wait_head();
        assert.match(head, /^HTTP\/1\.1 101 /);
        assert.doesNotMatch(head, /sec-websocket-(protocol|extensions)/i);
        assert.match(head, /^upgrade: *websocket/im);
        await socket.wait_frame((frame) => frame.payload.includes('user_challenge'));
    });

    for (const protocol of ['json', 'bson']) {
        scoped_test(`17.5 every server frame is binary (${protocol} session)`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'), { protocol });
            client.subscribe('ledger_event');
            await client.lcl();
            await client.stat();
            client.send({ type: 'foo' });
            client.read('r1', 'hello');
            await client.wait('contract_read_response');
            await client.query(0);
            await client.echo('hello');
            await client.next_ledger();
            const types = new Set(client.records.map((record) => record.msg?.type));
            const expected = [
                'user_challenge',
                'server_challenge_response',
                'lcl_response',
                'stat_response',
                'contract_input_status',
                'contract_read_response',
                'contract_output',
                'ledger_event',
                'ledger_query_result',
            ];
            for (const type of expected) assert.ok(types.has(type), `no ${type} was received`);
            const messages = client.records.filter((record) => record.kind === 'message');
            const text_frames = messages.filter((record) => record.opcode !== 'binary');
            assert.deepEqual(text_frames, []);
        });
    }

    scoped_test('17.6 a text frame is answered in a JSON session', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        client.send_json({ type: 'lcl' }, { binary: false });
        const record = await client.wait('lcl_response');
        assert.equal(record.opcode, 'binary');
    });

    scoped_test('17.7 a ping is answered by a pong with the same payload', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        for (const payload of ['', 'are you there', 'x'.repeat(125)]) {
            const from = client.mark();
            client.ws.ping(payload);
            // The reply to a later message shows that the ping was handled before it.
            await client.lcl();
            const pongs = client.records.slice(from).filter((record) => record.kind === 'pong');
            assert.deepEqual(
                pongs.map((record) => record.data.toString()),
                [payload],
            );
        }
    });

    scoped_test('17.8 a fragmented message is processed once', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const text = JSON.stringify({ type: 'lcl' });
        client.send_raw(text.slice(0, 6), { fin: false });
        client.ws.ping('between fragments');
        client.send_raw(text.slice(6), { fin: true });
        await client.wait('lcl_response');
        await client.stat();
        assert.equal(client.messages('lcl_response').length, 1);
        assert.equal(client.messages('contract_input_status').length, 0);
    });

    scoped_test('17.9 a message of exactly max_bytes_per_msg is answered', async (scope) => {
        const client = await scope.login(await nodes.get('small'));
        client.send_raw(padded_lcl(bytes_max));
        await client.wait('lcl_response');
        const from = client.mark();
        const text = padded_lcl(bytes_max);
        client.send_raw(text.slice(0, 6000), { fin: false });
        client.send_raw(text.slice(6000), { fin: true });
        await client.wait('lcl_response', { from });
    });

    for (const pieces of [1, 2]) {
        scoped_test(
            `17.9 one byte more drops the connection (${pieces} fragments)`,
            async (scope) => {
                const node = await nodes.get('small');
                const client = await scope.login(node, { local_address: fresh_ip() });
                const text = padded_lcl(bytes_max + 1);
                const from = client.mark();
                if (pieces === 1) {
                    client.send_raw(text);
                } else {
                    client.send_raw(text.slice(0, 6000), { fin: false });
                    client.send_raw(text.slice(6000), { fin: true });
                }
                await client.expect_drop({ from });
                const other = await scope.login(node);
                await other.lcl();
            },
        );
    }

    scoped_test('17.10 TLS 1.2 works', async (scope) => {
        const client = await scope.login(await nodes.get('plain'), { tls_max: 'TLSv1.2' });
        assert.equal(client.ws._socket.getProtocol(), 'TLSv1.2');
        await client.lcl();
    });

    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        scoped_test(
            `17.11 an upgrade request in two segments works (${version})`,
            async (scope) => {
                const socket = await scope.socket(await nodes.get('plain'), {
                    local_address: fresh_ip(),
                    tls_options: { minVersion: version, maxVersion: version },
                });
                const request = upgrade_request();
                const middle = request.indexOf('Sec-WebSocket-Key') + 8;
                await sleep(200);
                socket.write(request.slice(0, middle));
                await sleep(200);
                socket.write(request.slice(middle));
                assert.match(await socket.wait_head(), /^HTTP\/1\.1 101 /);
                const frame = await socket.wait_frame((item) =>
                    item.payload.includes('user_challenge'),
                );
                assert.equal(frame.opcode, binary_opcode);
                assert.equal(frame.masked, false);
            },
        );
    }
});
