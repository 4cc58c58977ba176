// SPDX-License-Identifier: Apache-2.0
//
// Clusters of other sizes, thresholds, roundtimes and slices, and of nodes that keep different
// parts of history. "Row" is a row of the list of faults that the design of consensus is measured
// by.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, seq_of, wait_status, wipe } from '../lib/cluster.mjs';
import { answer_of, start_users } from '../lib/cluster_users.mjs';
import { scaled } from '../lib/scale.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, sleep } from '../lib/util.mjs';

const load_ms = 1000;
// 5, 10 and the usual thresholds are in other files.
const shapes = [
    [1, { threshold: 100, roundtime: 50, slice: 25 }],
    [2, { threshold: 1, roundtime: 20, slice: 10 }],
    [3, { threshold: 51, roundtime: 1, slice: 25 }],
    [4, { threshold: 34, roundtime: 100, slice: 33 }],
    [7, { threshold: 50, roundtime: 200, slice: 1 }],
    ...scaled({ usual: [], full: [6, 8, 9, 10] }).map((size) => [
        size,
        { threshold: 80, roundtime: 1000, slice: 25 },
    ]),
];
const far_ms = 30; // one way: what a node does after its start takes some looks at it
const progress = new RegExp(
    [
        'fetching ledgers: at \\d+, others are at \\d+',
        'fetching the agreed state after ledger \\d+',
        'asking peers for the configuration',
        'looking for the newest ledger',
    ].join('|'),
);

const shape = ({ threshold, roundtime, slice }) => ({
    config: {
        contract: { consensus: { mode: 'public', threshold, roundtime, stage_slice: slice } },
    },
});

/** Who asks for fewer than a majority is told once that it is not so. */
function expect_warning({ nodes }, { threshold }) {
    const size = nodes.length;
    const majority = Math.floor(size / 2) + 1;
    const would_be = Math.ceil((threshold * size) / 100);
    const numbers = `threshold=${threshold} would_be=${would_be} used=${majority} members=${size}`;
    for (const node of nodes) {
        const lines = node.log_text().match(/.*threshold is too low and not used.*/g) ?? [];
        assert.equal(lines.length, would_be < majority ? 1 : 0, `${node.name}: ${lines}`);
        for (const line of lines) assert.ok(line.includes(`[wrn]`) && line.includes(numbers), line);
    }
}

/**
 * A node that lost its disk comes back over slow links, and says all the while how far it is: by
 * which ledger it is, or that it fetches the state.
 */
async function rejoin(cluster, node) {
    await node.kill();
    wipe(node);
    const at = cluster.nodes.indexOf(node);
    const others = range(cluster.nodes.length).filter((other) => other !== at);
    cluster.links.divide([others, [at]], { delay_ms: far_ms });
    const newest = await cluster.wait_more(1);
    await node.run();
    const said = [];
    await wait_status(node, (status) => {
        const { catching_up, vote_status } = status.consensus;
        if (catching_up && catching_up !== said.at(-1)) said.push(catching_up);
        return seq_of(status) >= newest && vote_status === 'synced' && !catching_up;
    });
    cluster.links.heal();
    // It lost its votes, too: it gives new ones when nothing depends on those of before any more.
    const { public_key } = node.cfg.node;
    const counts_it = ({ consensus }) => consensus.committed_by.includes(public_key);
    await wait_status(cluster.nodes[others[0]], counts_it, { what: `vote of ${node.name}` });
    assert.ok(said.length > 0, `${node.name} said ${said}`);
    for (const text of said) assert.match(text, progress);
}

describe('cluster: shapes (row 55)', () => {
    for (const [size, settings] of shapes) {
        scoped_test(`${size} nodes: ${JSON.stringify(settings)}`, async (scope) => {
            const cluster = await Cluster.start(scope, size, shape(settings));
            const users = start_users(cluster, { nodes: cluster.nodes.slice(0, 3) });
            await cluster.wait_more(3);
            await sleep(load_ms);
            await cluster.check({ users, answer_of });
            expect_warning(cluster, settings);
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

    scoped_test('nodes keep other parts of history, and lose all of it (row 47)', async (scope) => {
        const kept = [
            { history: 'full' },
            { history: 'custom', history_config: { max_primary_shards: 1, max_raw_shards: 0 } },
            { history: 'custom', history_config: { max_primary_shards: 3, max_raw_shards: 2 } },
            { history: 'custom', history_config: { max_primary_shards: 1, max_raw_shards: 1 } },
        ];
        const cluster = await Cluster.start(scope, kept.length, {
            ...shape({ threshold: 66, roundtime: 150, slice: 25 }),
            of_node: (at) => ({ config: { node: kept[at] } }),
        });
        const users = start_users(cluster);
        await sleep(load_ms);
        for (const node of cluster.nodes) {
            await node.kill();
            await cluster.run([node]);
            await cluster.settle_votes();
        }
        for (const user of users) await user.finish();
        const [everything, nothing] = cluster.nodes;
        for (const lost of [nothing, everything]) await rejoin(cluster, lost);
        // All of it is there again where all is kept.
        const ledgers = await cluster.check({ users, readers: [everything] });
        assert.ok(ledgers.some(({ inputs }) => inputs.length > 0), 'the test tested something');
    });
});
