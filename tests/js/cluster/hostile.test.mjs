// SPDX-License-Identifier: Apache-2.0
//
// Strangers on the mesh ports: nodes of another contract, connections that say nothing or nonsense,
// and a great deal of it. The members keep pace, and their memory stays what it was.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import net from 'node:net';
import { describe } from 'node:test';
import tls from 'node:tls';

import { Cluster, seq_of, status_of, wait_status } from '../lib/cluster.mjs';
import { answer_of, keep_pace, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip, make_random, chosen_seed, range, sleep } from '../lib/util.mjs';

const require = createRequire(import.meta.url);
const WebSocket = require('ws');

const siege_ms = 4000;
const silent_ms = 3000;
const ledgers = 5; // that close meanwhile: how fast is no question of a test
const rss_growth_max_kb = 200 * 1024;
const slow_connections = 60;
const flood_bytes = 5 * 1024 * 1024;
const many_silent_connections = 1000;
// All users but few nodes may wait to say who they are; the rest is what a node has open anyway.
const descriptors_max = many_silent_connections + 250;
const silence_pause_ms = 2000;
const junk_bytes = 200_000;

const settings = {
    config: { contract: { consensus: { mode: 'public', roundtime: 250 } } },
};

const host = '127.0.0.1';

function raw_connection(port) {
    const socket = net.connect({ port, host, localAddress: fresh_ip() });
    socket.on('error', () => {});
    return socket;
}

function secure_connection(port) {
    const socket = tls.connect({
        socket: raw_connection(port),
        rejectUnauthorized: false,
        minVersion: 'TLSv1.3',
    });
    socket.on('error', () => {});
    return socket;
}

function websocket(port) {
    const socket = new WebSocket(`wss://${host}:${port}/`, {
        rejectUnauthorized: false,
        localAddress: fresh_ip(),
        minVersion: 'TLSv1.3',
    });
    socket.on('error', () => {});
    return socket;
}

/** Strangers until `going` says no; every one of them ends what it began. */
async function besiege(port, random, going) {
    const junk = (size) => Buffer.from(range(size).map(() => Math.floor(random() * 256)));
    const some_junk = junk(4096);
    const sockets = [];
    let sent = 0;
    try {
        for (const _ of range(slow_connections)) sockets.push(raw_connection(port));
        const flood = secure_connection(port);
        sockets.push(flood);
        flood.write(Buffer.alloc(flood_bytes, some_junk));
        while (going()) {
            // A byte at a time, of which no handshake comes.
            for (const socket of sockets.slice(0, slow_connections)) socket.write('\x16');
            const plain = raw_connection(port);
            plain.write(some_junk);
            const secure = secure_connection(port);
            secure.write(some_junk);
            const socket = websocket(port);
            socket.on('message', (hello) => {
                socket.send(hello); // what it said about itself
                socket.send(Buffer.alloc(junk_bytes, some_junk));
                socket.send(some_junk.subarray(0, 1 + Math.floor(random() * 200)));
                sent += 1;
            });
            await sleep(20);
            plain.destroy();
            setTimeout(() => {
                secure.destroy();
                socket.terminate();
            }, 200);
        }
        await sleep(400);
    } finally {
        for (const socket of sockets) socket.destroy();
    }
    return sent;
}

/**
 * So many connections to a port that say nothing; whichever is ended comes again. Each is from an
 * address of its own, so that no limit for one host is what saves the node.
 */
class Silence {
    constructor(port, count) {
        this.going = true;
        this.made = 0;
        this.sockets = new Set();
        for (const _ of range(count)) this.add(port, fresh_ip());
    }

    add(port, localAddress) {
        if (!this.going) return;
        this.made += 1;
        const socket = net.connect({ port, host, localAddress });
        this.sockets.add(socket);
        socket.on('error', () => {});
        socket.resume();
        socket.on('close', () => {
            this.sockets.delete(socket);
            setTimeout(() => this.add(port, localAddress), silence_pause_ms);
        });
    }

    end() {
        this.going = false;
        for (const socket of this.sockets) socket.destroy();
    }
}

describe('cluster: strangers', () => {
    scoped_test('a node of another contract is refused', async (scope) => {
        const cluster = await Cluster.start(scope, 3, settings);
        await cluster.wait_more(1);
        const stranger = await cluster.make_newcomer();
        stranger.edit_config({ contract: { id: '00000000-0000-4000-8000-000000000000' } });
        const users = start_users(cluster, { nodes: cluster.nodes.slice(0, 3) });
        await stranger.run();
        const members = cluster.nodes.slice(0, 3);
        for (const node of members) await node.wait_log(/a node was not accepted as a peer/);
        await cluster.wait_more(3, { nodes: members });
        assert.equal(seq_of(await status_of(stranger)), 0);
        await cluster.check({ users, answer_of, nodes: members });
    });

    scoped_test('silence, noise and floods on every mesh port', async (scope, context) => {
        const seed = chosen_seed();
        context.diagnostic(`HP_SEED=${seed}`);
        const random = make_random(seed);
        const cluster = await Cluster.start(scope, 3, settings);
        const users = start_users(cluster);
        const first = await cluster.wait_more(2);
        const before = cluster.nodes.map((node) => node.rss_kb());
        const until_ms = Date.now() + siege_ms;
        const meanwhile = keep_pace(cluster, ledgers);
        const going = () => Date.now() < until_ms || !meanwhile.over;
        const sent = await Promise.all(
            cluster.nodes.map((node) => besiege(node.cfg.mesh.port, random, going)),
        );
        const last = await meanwhile.result;
        context.diagnostic(`${last - first} ledgers meanwhile, strangers: ${sent}`);
        assert.ok(sent.every((count) => count > 0), 'no stranger got as far as a message');
        for (const [at, node] of cluster.nodes.entries()) {
            const growth = node.peak_rss_kb() - before[at];
            assert.ok(growth < rss_growth_max_kb, `${node.name} grew by ${growth} KiB`);
        }
        await cluster.wait_more(3);
        await cluster.check({ users, answer_of });
    });

    scoped_test(
        `${many_silent_connections} silent connections to a mesh port and a user port (row 41)`,
        async (scope, context) => {
            const cluster = await Cluster.start(scope, 3, settings);
            const users = start_users(cluster, { nodes: cluster.nodes.slice(1) });
            await cluster.wait_more(2);
            const [node, other, third] = cluster.nodes;
            const before_kb = node.rss_kb();
            const silences = [node.cfg.mesh.port, node.port].map(
                (port) => new Silence(port, many_silent_connections),
            );
            const end = () => silences.forEach((silence) => silence.end());
            scope.at_end(end);
            let descriptors = 0;
            const watch = setInterval(() => {
                descriptors = Math.max(descriptors, node.open_fds());
            }, 50);
            try {
                await sleep(silent_ms);
                await cluster.wait_more(ledgers);
                // A member gets in although the strangers want every place there is.
                await third.kill();
                await third.run();
                const { public_key } = third.cfg.node;
                const is_connected = ({ peers }) => peers.connected.includes(public_key);
                await wait_status(node, is_connected, { what: 'the third node' });
                await cluster.wait_more(ledgers);
                await cluster.settle_votes();
            } finally {
                clearInterval(watch);
                end();
            }
            const growth = node.peak_rss_kb() - before_kb;
            const made = silences.map((silence) => silence.made);
            context.diagnostic(`${made} connections, ${descriptors} descriptors, ${growth} KiB`);
            assert.ok(made.every((count) => count >= many_silent_connections), `${made}`);
            assert.ok(descriptors < descriptors_max, `${descriptors} open descriptors`);
            assert.ok(growth < rss_growth_max_kb, `it grew by ${growth} KiB`);
            await cluster.check({ users, answer_of, readers: [other] });
        },
    );
});
