// SPDX-License-Identifier: Apache-2.0
//
// Strangers on the mesh ports: nodes of another contract, connections that say nothing or nonsense,
// and a great deal of it. The members keep pace, and their memory stays what it was.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import net from 'node:net';
import { describe } from 'node:test';
import tls from 'node:tls';

import { Cluster, seq_of, status_of } from '../lib/cluster.mjs';
import { answer_of, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip, make_random, chosen_seed, range, sleep } from '../lib/util.mjs';

const require = createRequire(import.meta.url);
const WebSocket = require('ws');

const siege_ms = 4000;
const rss_growth_max_kb = 200 * 1024;
const silent_connections = 60;
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
        for (const _ of range(silent_connections)) sockets.push(raw_connection(port));
        while (going()) {
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
        const sent = await Promise.all(
            cluster.nodes.map((node) =>
                besiege(node.cfg.mesh.port, random, () => Date.now() < until_ms),
            ),
        );
        const last = seq_of(await status_of(cluster.nodes[0]));
        context.diagnostic(`${last - first} ledgers in ${siege_ms} ms, strangers: ${sent}`);
        assert.ok(sent.every((count) => count > 0), 'no stranger got as far as a message');
        for (const [at, node] of cluster.nodes.entries()) {
            const growth = node.peak_rss_kb() - before[at];
            assert.ok(growth < rss_growth_max_kb, `${node.name} grew by ${growth} KiB`);
        }
        await cluster.wait_more(3);
        await cluster.check({ users, answer_of });
    });
});
