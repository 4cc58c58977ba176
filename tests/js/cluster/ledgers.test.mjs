// SPDX-License-Identifier: Apache-2.0
//
// A cluster that nothing happens to: ledgers close, any user of any node is a user of all of them,
// and what a node says about an output is signed by enough others.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, status_of } from '../lib/cluster.mjs';
import {
    accepted_count,
    answer_of,
    quorum_of,
    signers_of,
    start_users,
} from '../lib/cluster_users.mjs';
import { HotPocket, PublishedClient } from '../lib/jsclient.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { sleep } from '../lib/util.mjs';

const load_ms = 3000;
const short_run_ms = 20000;

describe('cluster: ledgers', () => {
    for (const size of [3, 5]) {
        scoped_test(`${size} nodes: every user's output is signed by a quorum`, async (scope) => {
            const cluster = await Cluster.start(scope, size);
            const unl = cluster.keys();
            for (const node of cluster.nodes) {
                const user = await scope.login(node);
                const { output } = await user.echo(`hello ${node.name}`);
                const signers = signers_of(output, unl);
                assert.ok(signers.length >= quorum_of(size), `${signers.length} signatures`);
                assert.deepEqual((await user.stat()).current_unl.sort(), [...unl].sort());
                // A key that is connected twice has to hear everything only as one user.
                await user.close();
            }
            await cluster.check();
        });

        scoped_test(`${size} nodes: the published client trusts the outputs`, async (scope) => {
            const cluster = await Cluster.start(scope, size, {
                config: { contract: { consensus: { mode: 'private', roundtime: 300 } } },
            });
            for (const [at, node] of cluster.nodes.entries()) {
                const protocol = at % 2 === 0 ? 'json' : 'bson';
                const client = await PublishedClient.connect(node, {
                    protocol,
                    trustedServerKeys: cluster.keys(),
                    contractId: node.cfg.contract.id,
                });
                const { status } = await client.submit(`hello ${at}`);
                assert.equal(status.status, 'accepted', status.reason);
                await client.wait_output(`hello ${at}`);
                await client.close();
            }
            await cluster.settle();
        });
    }

    scoped_test('one published client on several nodes at once', async (scope) => {
        const cluster = await Cluster.start(scope, 3);
        const urls = cluster.nodes.map((node) => node.url);
        const options = { trustedServerKeys: cluster.keys(), requiredConnectionCount: 3 };
        const keys = await HotPocket.generateKeys();
        const client = await HotPocket.createClient(urls, keys, options);
        const published = new PublishedClient(cluster.nodes[0], client, keys, options);
        assert.ok(await client.connect());
        for (const text of ['one', 'two', 'three']) {
            const { status } = await published.submit(text);
            assert.equal(status.status, 'accepted', status.reason);
            await published.wait_output(text);
        }
        await published.close();
        const ledgers = await cluster.check();
        const inputs = ledgers.flatMap((ledger) => ledger.inputs);
        assert.equal(inputs.length, 3, 'each is in the chain once, though three nodes got it');
    });

    scoped_test('users on every node: one order, one fate', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster);
        await sleep(load_ms);
        await cluster.check({ users, answer_of });
        assert.ok(accepted_count(users) > 10 * users.length, 'the test tested something');
    });

    scoped_test('roundtime 50 under load for 20 s', async (scope, context) => {
        const cluster = await Cluster.start(scope, 3, {
            config: { contract: { consensus: { roundtime: 50, mode: 'public' } } },
        });
        const first = await cluster.wait_more(1);
        const started_ms = Date.now();
        const users = start_users(cluster);
        await sleep(short_run_ms);
        const last = (await status_of(cluster.nodes[0])).ledger.seq;
        const took_ms = Date.now() - started_ms;
        const rate = ((last - first) * 1000) / took_ms;
        const accepted = users.flatMap((user) => user.inputs).length;
        context.diagnostic(
            `roundtime 50: ${rate.toFixed(1)} ledgers/s of 20, ${accepted} inputs in ${took_ms} ms`,
        );
        await cluster.check({ users, answer_of });
        assert.ok(last - first > short_run_ms / 1000, 'less than a ledger per second');
    });
});
