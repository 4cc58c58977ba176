// SPDX-License-Identifier: Apache-2.0
//
// What contracts change about their own cluster: who is a member, how many votes count, how long a
// round is, and whom nodes know. A change is in force everywhere from the same ledger on.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { change, expect_adopted } from '../lib/change.mjs';
import { Cluster, seq_of, status_of, wait_status, wipe, with_threshold } from '../lib/cluster.mjs';
import { start_users } from '../lib/cluster_users.mjs';
import { script_contract } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { until } from '../lib/util.mjs';


const expect_unl = (node, size) =>
    wait_status(node, ({ consensus }) => consensus.unl === size, { what: `UNL of ${size}` });

describe('cluster: membership', () => {
    for (const mode of ['public', 'private']) {
        scoped_test(`a node that joins an old cluster, mode ${mode}`, async (scope) => {
            const consensus = { mode, roundtime: 250, threshold: 66 };
            const cluster = await Cluster.start(scope, 3, { config: { contract: { consensus } } });
            const members = [...cluster.nodes];
            const users = start_users(cluster, { nodes: members });
            await cluster.wait_more(5);
            const newcomer = await cluster.make_newcomer();
            const key = newcomer.cfg.node.public_key;
            const seq_no = await change(scope, members[0], { unl: cluster.keys() });
            await expect_adopted(members, seq_no);
            // Its hp.cfg has the UNL that the cluster began with.
            await newcomer.run();
            await cluster.wait_ledger(seq_no + 3);
            for (const node of cluster.nodes) await expect_unl(node, 4);
            for (const user of users) await user.finish();
            await cluster.settle();
            // Four of four have to take part at threshold 80.
            const all = { consensus: { threshold: 80 } };
            const later = await change(scope, members[1], all);
            await expect_adopted(cluster.nodes, later);
            await cluster.wait_more(2);
            const user = await scope.login(members[2]);
            const { output } = await user.echo('signed by all');
            assert.ok(output.unl_sig.some(([signer]) => signer === key));
            if (mode === 'public') await cluster.check({ users });
            else await cluster.settle();
        });
    }

    scoped_test('a follower becomes a member', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80));
        const newcomer = await cluster.make_newcomer();
        await newcomer.run();
        await cluster.wait_more(3);
        const before = await status_of(newcomer);
        assert.ok(seq_of(before) > 0, 'it follows');
        const seq_no = await change(scope, cluster.nodes[0], { unl: cluster.keys() });
        await expect_adopted(cluster.nodes, seq_no);
        await cluster.wait_more(3);
        await cluster.check();
    });

    scoped_test('a member leaves and may be switched off at once', async (scope) => {
        const cluster = await Cluster.start(scope, 4, with_threshold(80));
        const [leaving] = cluster.nodes.slice(-1);
        const unl = cluster.keys().slice(0, 3);
        const seq_no = await change(scope, leaving, { unl });
        await expect_adopted(cluster.nodes, seq_no);
        await leaving.kill();
        await cluster.wait_more(3);
        for (const node of cluster.running()) await expect_unl(node, 3);
        // Back, it follows: the contract is public.
        await leaving.run();
        await cluster.wait_ledger(seq_of(await status_of(cluster.nodes[0])));
        const { results } = await cluster_query(scope, leaving, seq_no);
        assert.equal(results.length, 1);
        await cluster.check({ nodes: cluster.nodes.slice(0, 3) });
    });

    scoped_test('all members but one are replaced', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(66));
        const old = [...cluster.nodes];
        await cluster.wait_more(2);
        const fresh = [await cluster.make_newcomer(), await cluster.make_newcomer()];
        await cluster.run(fresh);
        await cluster.wait_more(2);
        const staying = [old[0], ...fresh];
        const unl = staying.map((node) => node.cfg.node.public_key);
        const seq_no = await change(scope, old[0], { unl });
        await expect_adopted(staying, seq_no);
        await cluster.kill(old.slice(1));
        await cluster.wait_more(5, { nodes: staying });
        await cluster.check({ nodes: staying });
    });

    scoped_test('threshold and roundtime change at one ledger', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80));
        const consensus = { threshold: 60, roundtime: 120 };
        const seq_no = await change(scope, cluster.nodes[2], { consensus });
        await expect_adopted(cluster.nodes, seq_no);
        for (const node of cluster.nodes) {
            await wait_status(node, (status) => status.consensus.roundtime_ms === 120);
        }
        // Two of three are enough now.
        await cluster.nodes[1].kill();
        await cluster.wait_more(5);
        await cluster.nodes[1].run();
        const ledgers = await cluster.check();
        const configs = ledgers.map((ledger) => ledger.config_hash);
        const changes = configs.filter((hash, at) => at > 0 && hash !== configs[at - 1]);
        assert.equal(changes.length, 1);
        assert.equal(configs.indexOf(changes[0]) + 1, seq_no);
        // A later one is too low; what is used instead is said when it comes in force.
        for (const node of cluster.nodes) assert.doesNotMatch(node.log_text(), /too low/);
        const low = { consensus: { threshold: 20, roundtime: 120 } };
        await expect_adopted(cluster.nodes, await change(scope, cluster.nodes[0], low));
        const warning = /threshold is too low.* threshold=20 would_be=1 used=2 members=3/g;
        for (const node of cluster.nodes) {
            await node.wait_log(/too low/);
            assert.equal(node.log_text().match(warning).length, 1, node.name);
        }
    });

    // With the ledger that has the change, the next one, and the first under the new UNL.
    scoped_test('members die while the UNL changes (row 48)', async (scope) => {
        const cluster = await Cluster.start(scope, 5, with_threshold(66));
        const users = start_users(cluster, { nodes: cluster.nodes.slice(0, 1) });
        const [stays, , , , comes_and_goes] = cluster.nodes;
        const [without, all] = [cluster.keys().slice(0, 4), cluster.keys()];
        for (const [at, unl] of [without, all, without, all].entries()) {
            const victim = cluster.nodes[1 + (at % 3)];
            const seq_no = await change(scope, stays, { unl });
            await cluster.wait_ledger(seq_no - 1 + (at % 3), { nodes: [victim] });
            await victim.kill();
            const others = cluster.running();
            await cluster.wait_more(2, { nodes: others });
            await victim.run();
            await cluster.wait_ledger(seq_of(await status_of(stays)), { nodes: [victim] });
            for (const node of cluster.nodes) await expect_unl(node, unl.length);
            await cluster.settle_votes({ nodes: cluster.nodes.slice(0, 4) });
        }
        await cluster.settle_votes({ nodes: [comes_and_goes] });
        await cluster.check({ users });
    });

    scoped_test('a node that was away while the UNL changed twice (row 46)', async (scope) => {
        const cluster = await Cluster.start(scope, 5, with_threshold(60));
        const [away] = cluster.nodes.slice(-1);
        await away.kill();
        const first = await change(scope, cluster.nodes[0], {
            unl: [0, 1, 2, 4].map((at) => cluster.keys()[at]),
        });
        await expect_adopted(cluster.nodes.slice(0, 3), first);
        const second = await change(scope, cluster.nodes[1], { unl: cluster.keys() });
        await expect_adopted(cluster.nodes.slice(0, 3), second);
        await away.run();
        await cluster.wait_more(2);
        await cluster.check();
        await away.kill();
        wipe(away);
        await away.run();
        await cluster.check();
    });
});

async function cluster_query(scope, node, seq_no) {
    const user = await scope.login(node);
    return user.query(seq_no);
}

describe('cluster: known peers', () => {
    scoped_test('a contract makes its nodes know another one', async (scope) => {
        const contract = script_contract('peers.js', { modules: ['hotpocket-nodejs-contract'] });
        const cluster = await Cluster.start(scope, 3, {
            contract,
            config: { contract: { consensus: { mode: 'public', roundtime: 400 } } },
        });
        const lonely = await cluster.make_newcomer();
        lonely.edit_config({ mesh: { known_peers: [] } });
        await lonely.run();
        const address = `127.0.0.1:${lonely.cfg.mesh.port}`;
        const user = await scope.login(cluster.nodes[0]);
        const ask = (message) =>
            user.echo(JSON.stringify(message), { expected: 'done' });
        await ask({ add: [address], remove: [] });
        await cluster.wait_ledger(seq_of(await status_of(cluster.nodes[0])), { nodes: [lonely] });
        for (const node of cluster.nodes.slice(0, 3)) {
            await node.wait_log(/known peers changed by the contract added=1 removed=0/);
        }
        await ask({ add: [], remove: [address] });
        for (const node of cluster.nodes.slice(0, 3)) {
            const knows = async () => (await status_of(node)).peers.known.includes(address);
            await until(async () => !(await knows()), { what: 'the peer forgotten' });
        }
        await cluster.check();
    });
});
