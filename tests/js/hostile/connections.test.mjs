// SPDX-License-Identifier: Apache-2.0
//
// Peers that do not speak the protocol: silence, drips, garbage and broken frames. Each test has
// its attackers on addresses of their own. The tests run one after the other because each of them
// measures the same node.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import net from 'node:net';
import { after, describe } from 'node:test';

import { NodePool } from '../lib/node.mjs';
import { length_field, make_frame, upgrade_request } from '../lib/rawsocket.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { besiege } from '../lib/siege.mjs';
import { fresh_ip, range, silence_ms, sleep, until } from '../lib/util.mjs';

const idle_connections = 1000;
const half_open_connections = 200;
const slow_connections = 60;
const silent_sessions = 200;
const drip_ms = 100;
const fd_slack = 50;

const nodes = new NodePool({ plain: {} });

/** Many TCP connections from one address; resolves when each is connected or refused. */
function open_many(scope, node, count, local_address, first_bytes) {
    return Promise.all(
        range(count).map(async () => {
            const socket = await scope.socket(node, { secure: false, local_address });
            if (first_bytes) socket.write(first_bytes);
            return socket;
        }),
    );
}

const all_ended = (sockets, what) =>
    until(() => sockets.every((socket) => socket.ended), {
        every_ms: 50,
        what: `end of all ${what} (${sockets.filter((socket) => !socket.ended).length} are open)`,
    });

/** The start of a TLS ClientHello whose rest never comes. */
const half_hello = Buffer.concat([
    Buffer.from('1603010200010001fc0303', 'hex'),
    crypto.randomBytes(32),
]);

describe('hostile: connections', () => {
    after(() => nodes.dispose());

    scoped_test(`${idle_connections} silent TCP connections from one host`, async (scope) => {
        const node = await nodes.get('plain');
        const fds = node.open_fds();
        await besiege(scope, node, async () => {
            const sockets = await open_many(scope, node, idle_connections, fresh_ip());
            await all_ended(sockets, 'silent connections');
        });
        await until(() => node.open_fds() <= fds + fd_slack, {
            what: 'release of the descriptors',
        });
    });

    scoped_test(`${half_open_connections} half-open TLS handshakes`, async (scope) => {
        const node = await nodes.get('plain');
        await besiege(scope, node, async () => {
            const ip = fresh_ip();
            const sockets = await open_many(scope, node, half_open_connections, ip, half_hello);
            await all_ended(sockets, 'half-open connections');
        });
    });

    scoped_test('upgrade requests one byte at a time', async (scope) => {
        const node = await nodes.get('plain');
        await besiege(scope, node, async () => {
            const ip = fresh_ip();
            const sockets = await Promise.all(
                range(slow_connections).map(() => scope.socket(node, { local_address: ip })),
            );
            const request = upgrade_request({ extra: [`X-Pad: ${'x'.repeat(400)}`] });
            for (let at = 0; at < request.length; at += 1) {
                if (sockets.every((socket) => socket.ended)) return;
                for (const socket of sockets) if (!socket.ended) socket.write(request[at]);
                await sleep(drip_ms);
            }
            assert.fail('connections were open long enough for a whole request');
        });
    });

    scoped_test('a handshake message one byte at a time', async (scope) => {
        const node = await nodes.get('plain');
        const socket = await scope.websocket(node, { local_address: fresh_ip() });
        const frame = make_frame('x'.repeat(400));
        for (const byte of frame) {
            if (socket.ended) return;
            socket.write(Buffer.from([byte]));
            await sleep(drip_ms / 2);
        }
        assert.fail('the connection was open long enough for a whole message');
    });

    scoped_test('an endless upgrade request', async (scope) => {
        const node = await nodes.get('plain');
        await besiege(scope, node, async () => {
            const socket = await scope.socket(node, { local_address: fresh_ip() });
            socket.write('GET / HTTP/1.1\r\n');
            const line = `X-Pad: ${'x'.repeat(1000)}\r\n`;
            for (let sent = 0; sent < 20000 && !socket.ended; sent += 1) {
                socket.write(line);
                if (sent % 100 === 0) await sleep(1);
            }
            await socket.wait_ended();
        });
    });

    scoped_test(`${silent_sessions} sessions that never log in`, async (scope) => {
        const node = await nodes.get('plain');
        await besiege(scope, node, async () => {
            const ip = fresh_ip();
            // A node may refuse some of them by address; whoever got in has to be put out again.
            const opened = await Promise.allSettled(
                range(silent_sessions).map(() => scope.websocket(node, { local_address: ip })),
            );
            const sockets = opened.filter((item) => item.status === 'fulfilled');
            assert.ok(sockets.length > 0, 'no session could be opened');
            await all_ended(
                sockets.map((item) => item.value),
                'silent sessions',
            );
        });
    });

    scoped_test('random bytes instead of TLS, of HTTP and of frames', async (scope) => {
        const node = await nodes.get('plain');
        const noise = () => crypto.randomBytes(1 + crypto.randomInt(4000));
        await besiege(scope, node, async () => {
            const rounds = range(20).map(async () => {
                const sockets = await Promise.all([
                    scope.socket(node, { secure: false, local_address: fresh_ip() }),
                    scope.socket(node, { local_address: fresh_ip() }),
                    scope.websocket(node, { local_address: fresh_ip() }),
                ]);
                for (const socket of sockets) {
                    socket.write(noise());
                    socket.write(noise());
                }
                await all_ended(sockets, 'noisy connections');
            });
            await Promise.all(rounds);
        });
    });

    scoped_test('heads that are no upgrade request', async (scope) => {
        const node = await nodes.get('plain');
        const heads = [
            'GET / HTTP/1.1\r\n\r\n',
            'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello',
            '\r\n\r\n',
            '\0\0\0\0\r\n\r\n',
            `GET /${'x'.repeat(70000)} HTTP/1.1\r\n\r\n`,
        ];
        for (const head of heads) {
            const socket = await scope.socket(node, { local_address: fresh_ip() });
            socket.write(head);
            await socket.wait_ended();
            assert.doesNotMatch(socket.received.toString('latin1'), / 101 |user_challenge/);
        }
        await (await scope.login(node)).lcl();
    });

    const text = '{"type":"stat"}';
    const bad_frames = {
        'an unmasked frame': [make_frame(text, { masked: false })],
        'reserved bit 1': [make_frame(text, { rsv: 4 })],
        'reserved bit 3': [make_frame(text, { rsv: 1 })],
        'opcode 3': [make_frame(text, { opcode: 3 })],
        'opcode 15': [make_frame(text, { opcode: 15 })],
        'a fragmented ping': [make_frame('x', { opcode: 9, fin: false })],
        'a ping of 126 bytes': [make_frame('x'.repeat(126), { opcode: 9 })],
        'a pong of 126 bytes': [make_frame('x'.repeat(126), { opcode: 10 })],
        'a close frame of 1 byte': [make_frame('x', { opcode: 8 })],
        'a continuation of nothing': [make_frame(text, { opcode: 0 })],
        'a new message inside a fragmented one': [
            make_frame('{"type":', { fin: false }),
            make_frame(text),
        ],
        'an announced length of 2^62': [
            Buffer.concat([Buffer.from([0x82, 0xff, 0x40]), Buffer.alloc(7), Buffer.alloc(4)]),
        ],
        'a length with the top bit set': [
            Buffer.concat([Buffer.from([0x82, 0xff, 0xff]), Buffer.alloc(7), Buffer.alloc(4)]),
        ],
        'an announced length of 6 MB': [
            Buffer.concat([Buffer.from([0x82]), length_field(6 * 1024 * 1024), Buffer.alloc(4)]),
        ],
    };
    for (const [name, frames] of Object.entries(bad_frames)) {
        scoped_test(`frame error ends the connection: ${name}`, async (scope) => {
            const node = await nodes.get('plain');
            const socket = await scope.websocket(node, { local_address: fresh_ip() });
            await socket.wait_frame((frame) => frame.payload.includes('user_challenge'));
            for (const frame of frames) socket.write(frame);
            await socket.wait_ended(silence_ms);
            assert.ok(node.running);
        });
    }

    scoped_test('endless fragments do not grow a message beyond the limit', async (scope) => {
        const node = await nodes.get('plain');
        const client = await scope.login(node, { local_address: fresh_ip() });
        await besiege(scope, node, async () => {
            const piece = Buffer.alloc(64 * 1024, 'x');
            for (let sent = 0; sent < 2000 && !client.end; sent += 1) {
                client.send_raw(piece, { fin: false });
                await until(() => client.ws.bufferedAmount < 1024 * 1024 || client.end, {
                    every_ms: 2,
                    what: 'room in the send buffer',
                });
            }
            await client.wait_closed();
        });
    });

    scoped_test('a thousand failed handshakes from one host', async (scope) => {
        const node = await nodes.get('plain');
        await besiege(scope, node, async () => {
            const ip = fresh_ip();
            for (const _ of range(50)) {
                await Promise.all(
                    range(20).map(async () => {
                        const options = { local_address: ip, await_challenge: false };
                        const client = await scope.connect(node, options);
                        if (!client.end && client.ws.readyState === 1)
                            client.send_raw('{"type":"x"}');
                        await client.wait_closed();
                    }),
                );
            }
        });
    });

    scoped_test('connections that reset at every stage', async (scope) => {
        const node = await nodes.get('plain');
        const fds = node.open_fds();
        await besiege(scope, node, async () => {
            for (const _ of range(30)) {
                const ip = fresh_ip();
                const plain = net.connect({ port: node.port, host: '127.0.0.1', localAddress: ip });
                plain.on('error', () => {});
                plain.on('connect', () => plain.resetAndDestroy?.() ?? plain.destroy());
                const secure = await scope.socket(node, { local_address: ip });
                secure.destroy();
                const upgraded = await scope.websocket(node, { local_address: ip });
                upgraded.destroy();
                const user = await scope.login(node, { local_address: ip });
                user.send({ type: 'stat' });
                user.ws.terminate();
            }
        });
        await until(() => node.open_fds() <= fds + fd_slack, {
            what: 'release of the descriptors',
        });
    });
});
