// SPDX-License-Identifier: Apache-2.0
//
// Nodes that no longer know what they have voted for (row 15): they must not vote, until that
// cannot matter or an operator vouches for them.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { Cluster, seq_of, status_of, wipe, with_threshold } from '../lib/cluster.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { sleep } from '../lib/util.mjs';

const settled_ms = 1500;
const silence_ms = 2500; // ten rounds
const missing = /votes may be missing; following .*the vote log is missing/;

/** Those without votes are up, and no ledger closes. What was decided before may get around. */
async function expect_silence(cluster, without_votes) {
    for (const node of without_votes) await node.wait_log(missing);
    await sleep(settled_ms);
    const newest = async () =>
        Math.max(...(await Promise.all(cluster.nodes.map(status_of))).map(seq_of));
    const before = await newest();
    await sleep(silence_ms);
    assert.equal(await newest(), before, 'a ledger without votes');
}

async function vouch(node) {
    const { code, stdout, stderr } = await node.command('vouch');
    assert.equal(code, 0, stderr);
    return stdout;
}

describe('cluster: lost votes', () => {
    scoped_test('all vote logs lost at once; the operator vouches', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80));
        const last = await cluster.wait_more(3);
        const refused = await cluster.nodes[0].command('vouch');
        assert.notEqual(refused.code, 0, 'it is running');
        await Promise.all(cluster.nodes.map((node) => node.stop()));
        for (const node of cluster.nodes) {
            fs.rmSync(path.join(node.dir, 'ledger_fs', 'votes'), { recursive: true });
        }
        await cluster.run();
        await expect_silence(cluster, cluster.nodes);
        await Promise.all(cluster.nodes.map((node) => node.stop()));
        for (const node of cluster.nodes) {
            assert.match(await vouch(node), /stands at ledger \d+ and knows 0 votes/);
        }
        await cluster.run();
        await cluster.wait_ledger(last + 3);
        await cluster.check();
    });

    scoped_test('a node that lost everything is no new one', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80)); // all have to vote
        await cluster.wait_more(3);
        const [victim] = cluster.nodes;
        await victim.kill();
        wipe(victim);
        await victim.run();
        await expect_silence(cluster, [victim]);
        await victim.stop();
        await vouch(victim);
        await victim.run();
        await cluster.wait_more(3);
        await cluster.check({ readers: [cluster.nodes[1]] });
    });

    scoped_test('a new key has no votes to lose', async (scope) => {
        const node = await scope.start_node({ name: 'rekeyed' });
        const noted = () => fs.readFileSync(path.join(node.dir, 'cfg', 'voted'), 'utf8').trim();
        assert.equal(noted(), node.cfg.node.public_key);
        await node.stop();
        const { code, stderr } = await node.command('rekey');
        assert.equal(code, 0, stderr);
        await node.run();
        assert.equal(noted(), node.read_config().node.public_key);
        assert.notEqual(noted(), node.cfg.node.public_key);
    });
});
