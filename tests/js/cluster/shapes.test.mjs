// SPDX-License-Identifier: Apache-2.0
//
// Clusters of other sizes, thresholds, roundtimes and slices, and of nodes that keep different
// parts of history. "Row" is a row of the list of faults that the design of consensus is measured
// by.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster } from '../lib/cluster.mjs';
import { answer_of, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { sleep } from '../lib/util.mjs';

const load_ms = 1000;

const shape = ({ threshold, roundtime, slice }) => ({
    config: {
        contract: { consensus: { mode: 'public', threshold, roundtime, stage_slice: slice } },
    },
});

describe('cluster: shapes (row 55)', () => {
    for (const [size, settings] of [
        [1, { threshold: 100, roundtime: 50, slice: 25 }],
        [2, { threshold: 1, roundtime: 20, slice: 10 }],
        [3, { threshold: 67, roundtime: 1, slice: 25 }],
        [4, { threshold: 34, roundtime: 100, slice: 33 }],
        [7, { threshold: 67, roundtime: 200, slice: 1 }],
        [10, { threshold: 80, roundtime: 1000, slice: 25 }],
    ]) {
        scoped_test(`${size} nodes: ${JSON.stringify(settings)}`, async (scope) => {
            const cluster = await Cluster.start(scope, size, shape(settings));
            const users = start_users(cluster, { nodes: cluster.nodes.slice(0, 3) });
            await cluster.wait_more(3);
            await sleep(load_ms);
            await cluster.check({ users, answer_of });
        });
    }

    scoped_test('a roundtime of a minute, eager: inputs do not wait', async (scope) => {
        const consensus = { mode: 'public', roundtime: 60000, threshold: 80 };
        const cluster = await Cluster.start(scope, 3, {
            config: { node: { pace: 'eager' }, contract: { consensus } },
        });
        const user = await scope.login(cluster.nodes[1]);
        await user.echo('append:log.txt=now', { expected: 'now' });
        await cluster.settle();
    });

    scoped_test('every node keeps another part of history (row 47)', async (scope) => {
        const kept = [
            { history: 'full' },
            { history: 'custom', history_config: { max_primary_shards: 1, max_raw_shards: 0 } },
            { history: 'custom', history_config: { max_primary_shards: 3, max_raw_shards: 2 } },
            { history: 'custom', history_config: { max_primary_shards: 1, max_raw_shards: 1 } },
        ];
        const cluster = await Cluster.start(scope, kept.length, {
            ...shape({ threshold: 80, roundtime: 150, slice: 25 }),
            of_node: (at) => ({ config: { node: kept[at] } }),
        });
        const users = start_users(cluster);
        await sleep(load_ms);
        for (const node of cluster.nodes) {
            await node.kill();
            await cluster.run([node]);
            await cluster.settle_votes();
        }
        const ledgers = await cluster.check({ users });
        assert.ok(ledgers.some(({ inputs }) => inputs.length > 0), 'the test tested something');
    });
});
