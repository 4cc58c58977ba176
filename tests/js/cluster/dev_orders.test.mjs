// SPDX-License-Identifier: Apache-2.0
//
// What the owner of a development cluster can order: new contract files between two ledgers, and
// faults. Each test ends with one chain and one state.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe } from 'node:test';

import { Cluster, expect_halt, seq_of, status_of } from '../lib/cluster.mjs';
import { answer_of, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { sleep, until } from '../lib/util.mjs';

const ahead = 6; // ledgers until a deployment is due
const load_ms = 1000;

const dev_cluster = (threshold = 66) => ({
    config: {
        contract: { consensus: { mode: 'public', threshold, roundtime: 250 } },
        dev: { enabled: true },
    },
});

/** The answer of a node to one order. */
function order(node, document) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(path.join(node.dir, 'cfg', 'hpnode.dev.sock'));
        let answer = '';
        socket.on('error', reject);
        socket.on('data', (data) => (answer += data));
        socket.on('close', () => {
            try {
                resolve(JSON.parse(answer));
            } catch (error) {
                reject(error);
            }
        });
        socket.write(`${JSON.stringify(document)}\n`);
    });
}

/** Empty while there is no such file. */
function text_in_state(node, name) {
    const file = path.join(node.state_dir, name);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

/** A node has a ledger before it has executed it. */
const wait_in_state = (node, name) =>
    until(() => text_in_state(node, name) === 'new', { what: `${name} in ${node.name}` });

async function order_all(nodes, document) {
    for (const node of nodes) assert.deepEqual(await order(node, document), { ok: true });
}

const faults = (more) => ({ command: 'dev.faults', ...more });

describe('cluster: development orders', () => {
    scoped_test('a bundle is in the state of all nodes from one ledger on', async (scope) => {
        const cluster = await Cluster.start(scope, 3, dev_cluster());
        const users = start_users(cluster);
        const bundle = path.join(cluster.nodes[0].dir, 'bundle');
        fs.mkdirSync(path.join(bundle, 'more'), { recursive: true });
        fs.writeFileSync(path.join(bundle, 'more/file.txt'), 'new');
        const at = seq_of(await status_of(cluster.nodes[0])) + ahead;
        await order_all(cluster.nodes, { command: 'dev.deploy', at, bundle });
        // One of them is away when it is due, and executes that ledger later.
        await cluster.kill([cluster.nodes[2]]);
        await cluster.wait_ledger(at + 2, { nodes: cluster.nodes.slice(0, 2) });
        await cluster.run([cluster.nodes[2]]);
        await cluster.wait_more(3);
        for (const node of cluster.nodes) {
            await wait_in_state(node, 'more/file.txt');
        }
        const late = await order(cluster.nodes[0], { command: 'dev.deploy', at: 1, bundle });
        assert.deepEqual(late, { ok: false, error: 'ledger 1 is closed already' });
        const far = seq_of(await status_of(cluster.nodes[0])) + 1000;
        await order_all([cluster.nodes[0]], { command: 'dev.deploy', at: far, bundle });
        const other = { command: 'dev.deploy', at: far, bundle, remove: ['more'] };
        const second = await order(cluster.nodes[0], other);
        assert.deepEqual(second, { ok: false, error: `there is another order for ledger ${far}` });
        await cluster.check({ users, answer_of });
    });

    scoped_test('an order counts on all nodes or on none', async (scope) => {
        const cluster = await Cluster.start(scope, 3, dev_cluster());
        const users = start_users(cluster);
        const [first, second, third] = cluster.nodes;
        const bundle_with = (name) => {
            const bundle = path.join(first.dir, `bundle-${name}`);
            fs.mkdirSync(bundle);
            fs.writeFileSync(path.join(bundle, name), 'new');
            return bundle;
        };
        const deploy = async (nodes, name) => {
            const at = seq_of(await status_of(first)) + ahead;
            const decision = path.join(first.dir, `decision-${name}`);
            const bundle = bundle_with(name);
            await order_all(nodes, { command: 'dev.deploy', at, bundle, decision });
            return { at, decision };
        };
        // Whoever gave it has ended before all had it. A node that waits for the word is killed.
        const lost = await deploy([first, second], 'lost');
        await cluster.wait_ledger(lost.at);
        await cluster.kill([second]);
        await cluster.run([second]);
        await cluster.wait_ledger(lost.at + 2);
        assert.equal(fs.readFileSync(lost.decision, 'utf8'), 'no\n');
        // The word comes when the nodes wait for it already.
        const kept = await deploy(cluster.nodes, 'kept');
        await cluster.wait_ledger(kept.at);
        fs.writeFileSync(`${kept.decision}.new`, 'yes\n');
        fs.renameSync(`${kept.decision}.new`, kept.decision);
        await cluster.wait_ledger(kept.at + 2);
        for (const node of [first, second, third]) {
            await wait_in_state(node, 'kept');
            assert.equal(text_in_state(node, 'lost'), '');
        }
        await cluster.check({ users, answer_of });
    });

    scoped_test('blocked links divide a cluster; without them it goes on', async (scope) => {
        const cluster = await Cluster.start(scope, 3, dev_cluster());
        const users = start_users(cluster);
        await cluster.settle_votes();
        await cluster.wait_more(2);
        const alone = cluster.nodes[2];
        const others = cluster.nodes.slice(0, 2);
        const links = cluster.keys().slice(0, 2).map((peer) => ({ peer, blocked: true }));
        await order_all([alone], faults({ links }));
        await expect_halt([alone], { have: 1, need: 2 });
        await cluster.wait_more(4, { nodes: others });
        await order_all([alone], faults({}));
        await cluster.check({ users, answer_of });
    });

    scoped_test('slow and lossy links, and a contract that is slow', async (scope) => {
        const cluster = await Cluster.start(scope, 3, dev_cluster());
        const users = start_users(cluster);
        for (const [at, node] of cluster.nodes.entries()) {
            const links = cluster
                .keys()
                .filter((_, to) => to !== at)
                .map((peer) => ({ peer, latency_ms: 30, jitter_ms: 20, loss: 0.02 }));
            await order_all([node], faults({ links, seed: at + 1 }));
        }
        await cluster.wait_more(6);
        await order_all(cluster.nodes, faults({ contract: 'slow', slow_ms: 300 }));
        await sleep(load_ms);
        await order_all(cluster.nodes, faults({}));
        await cluster.check({ users, answer_of });
    });

    scoped_test('one contract differs: that node gets the state of the others', async (scope) => {
        const cluster = await Cluster.start(scope, 4, dev_cluster(75));
        const users = start_users(cluster);
        const odd = cluster.nodes[3];
        await order_all([odd], faults({ contract: 'differ' }));
        await until(
            async () => {
                const [mine, theirs] = await Promise.all([odd, cluster.nodes[0]].map(status_of));
                return mine.contract.state_root !== theirs.contract.state_root;
            },
            { what: 'a different state' },
        );
        await cluster.wait_more(4, { nodes: cluster.nodes.slice(0, 3) });
        await order_all([odd], faults({}));
        await cluster.check({ users, answer_of });
        const left = path.join(odd.state_dir, 'dev_fault_differs');
        assert.ok(!fs.existsSync(left), 'what only one node had is gone');
    });

    scoped_test('an ordinary node takes no orders', async (scope) => {
        const cluster = await Cluster.start(scope, 1, {});
        await assert.rejects(order(cluster.nodes[0], faults({})), { code: 'ENOENT' });
    });
});
