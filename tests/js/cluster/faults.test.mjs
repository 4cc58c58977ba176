// SPDX-License-Identifier: Apache-2.0
//
// What happens to machines and networks: crashes, lost disks, partitions, slow and silent links.
// Nobody helps the nodes; each test ends with one chain, one state and every promise kept.
// "Row" is a row of the list of faults that the design of consensus is measured by.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, seq_of, status_of, wait_status, wipe } from '../lib/cluster.mjs';
import { accepted_count, answer_of, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, sleep } from '../lib/util.mjs';

const load_ms = 1500;
const outage_ms = 2500;
const silence_ms = 1500; // many rounds: whoever could close a ledger would

const with_threshold = (threshold, roundtime = 250) => ({
    config: { contract: { consensus: { mode: 'public', threshold, roundtime } } },
});

const is_without_quorum = ({ consensus }) =>
    consensus.vote_status === 'unreliable' && !consensus.can_close_ledgers;

/** No ledger closes on these nodes, and they say why. */
async function expect_halt(cluster, nodes, { have, need }) {
    for (const node of nodes) {
        const { consensus } = await wait_status(node, is_without_quorum, { what: 'a halt' });
        assert.match(consensus.why_not, new RegExp(`of which ${need} have to take part`));
        assert.match(consensus.why_not, new RegExp(`heard from ${have}\\b`));
    }
    const before = await Promise.all(nodes.map(status_of));
    await sleep(silence_ms);
    const after = await Promise.all(nodes.map(status_of));
    assert.deepEqual(after.map(seq_of), before.map(seq_of), 'a ledger without a quorum');
}

describe('cluster: crashes', () => {
    scoped_test('kill -9 of one of five under load; it catches up', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster.nodes);
        await sleep(load_ms);
        const victim = cluster.nodes[2];
        await victim.kill();
        const others = cluster.running();
        await cluster.wait_more(5, { nodes: others });
        const seen = seq_of(await status_of(others[0]));
        await victim.run();
        await cluster.wait_ledger(seen, { nodes: [victim] });
        await sleep(load_ms);
        await cluster.check({ users, answer_of });
        assert.ok(accepted_count(users) > 5 * users.length, 'the test tested something');
    });

    scoped_test('kill -9 again and again, another node each time', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster.nodes);
        for (const node of cluster.nodes) {
            await sleep(300);
            await node.kill();
            await cluster.wait_more(2);
            await node.run();
            const { ledger } = await status_of(cluster.nodes.find((other) => other !== node));
            await cluster.wait_ledger(ledger.seq, { nodes: [node] });
            await cluster.settle_votes();
        }
        await cluster.check({ users, answer_of });
    });

    scoped_test('a node that lost its disk gets everything again', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster.nodes.slice(0, 4));
        await sleep(load_ms);
        const [victim] = cluster.nodes.slice(-1);
        await victim.kill();
        wipe(victim);
        await cluster.wait_more(3);
        await victim.run();
        await sleep(load_ms);
        await cluster.check({ users, answer_of });
        // And it takes part again: without it four are left, and with one fewer the rest halts.
        await cluster.nodes[0].kill();
        await cluster.wait_more(3);
    });

    scoped_test('all nodes killed at once and started again (row 13)', async (scope) => {
        const cluster = await Cluster.start(scope, 3);
        const users = start_users(cluster.nodes);
        for (const _ of range(3)) {
            await sleep(load_ms);
            await cluster.kill();
            await cluster.run();
        }
        await cluster.wait_more(2);
        await cluster.check({ users, answer_of });
        assert.ok(accepted_count(users) > users.length, 'the test tested something');
    });

    scoped_test('a node that stands still for a while (row 19)', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster.nodes);
        const [sleeper] = cluster.nodes;
        await sleep(load_ms);
        sleeper.child.kill('SIGSTOP');
        try {
            await cluster.wait_more(8, { nodes: cluster.nodes.slice(1) });
        } finally {
            sleeper.child.kill('SIGCONT');
        }
        // It has the inputs of ledgers that closed meanwhile, but no outputs: others ran them.
        await cluster.check({ users, answer_of, reader: cluster.nodes[1] });
    });
});

describe('cluster: no quorum', () => {
    scoped_test('one of three missing at threshold 80 (row 2)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80));
        const [first, second, third] = cluster.nodes;
        const user = await scope.login(first);
        user.subscribe('ledger_event');
        await user.echo('append:log.txt=before', { expected: 'before' });
        const from = user.mark();
        await third.kill();
        await expect_halt(cluster, [first, second], { have: 2, need: 3 });
        const vote = (status) => (msg) => msg.event === 'vote_status' && msg.vote_status === status;
        await user.wait(vote('unreliable'), { from });
        await first.wait_log(/no ledger can close: .*3 have to take part; heard from 2/);
        const waiting = await user.submit('append:log.txt=meanwhile', { offset: 50 });
        const { code, stdout } = await first.command('status');
        assert.equal(code, 0);
        assert.match(stdout, /no ledger can close: the UNL has 3 members/);
        const healed = user.mark();
        await third.run();
        await user.wait(vote('synced'), { from: healed, timeout_ms: 30000 });
        await user.wait_accepted(waiting.hash, { from: waiting.from, timeout_ms: 30000 });
        await cluster.check();
    });

    scoped_test('one of three missing at threshold 66: ledgers go on (row 3)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(66));
        const [first, , third] = cluster.nodes;
        const users = start_users(cluster.nodes.slice(0, 2));
        await third.kill();
        await cluster.wait_more(5);
        await third.run();
        await cluster.wait_ledger(seq_of(await status_of(first)));
        await cluster.check({ users, answer_of });
    });
});

describe('cluster: partitions', () => {
    for (const how of ['cut', 'held']) {
        scoped_test(`three of five and two of five, ${how} (row 9)`, async (scope) => {
            const cluster = await Cluster.start(scope, 5, with_threshold(60));
            const users = start_users(cluster.nodes);
            await sleep(load_ms);
            cluster.links.divide([[0, 1, 2], [3, 4]], { [how]: true });
            const [majority, minority] = [cluster.nodes.slice(0, 3), cluster.nodes.slice(3)];
            await cluster.wait_more(5, { nodes: majority });
            await expect_halt(cluster, minority, { have: 2, need: 3 });
            const seen = seq_of(await status_of(majority[0]));
            cluster.links.heal();
            await cluster.wait_ledger(seen + 1);
            await cluster.check({ users, answer_of });
        });
    }

    scoped_test('no side has a quorum; then all go on (row 8)', async (scope) => {
        const cluster = await Cluster.start(scope, 4, with_threshold(66));
        const users = start_users(cluster.nodes);
        await sleep(load_ms);
        cluster.links.divide([[0, 1], [2, 3]], { held: true });
        await expect_halt(cluster, cluster.nodes, { have: 2, need: 3 });
        cluster.links.heal();
        await cluster.check({ users, answer_of });
    });

    scoped_test('a node that only hears one other (row 51)', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster.nodes);
        await sleep(load_ms);
        cluster.links.divide([[4], [1, 2, 3]], { cut: true });
        await cluster.wait_more(5, { nodes: cluster.nodes.slice(0, 4) });
        cluster.links.heal();
        await cluster.check({ users, answer_of });
    });
});

describe('cluster: slow links', () => {
    // What stopped the original for ever: data held for a moment around the end of a round.
    scoped_test('all traffic into one of three held for a moment (row 4)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80, 500));
        const users = start_users(cluster.nodes);
        for (const round of range(6)) {
            await sleep(400 + 37 * round);
            for (const from of [0, 1]) cluster.links.set(from, 2, { held: true });
            await sleep(325);
            cluster.links.heal();
        }
        await cluster.check({ users, answer_of });
    });

    scoped_test('only some learn of a decision (row 5)', async (scope) => {
        const cluster = await Cluster.start(scope, 5, with_threshold(80, 500));
        const users = start_users(cluster.nodes);
        for (const round of range(6)) {
            await sleep(300 + 41 * round);
            const knowing = 1 + (round % 3);
            for (const to of range(5 - knowing)) {
                for (const from of range(5 - knowing)) {
                    if (from !== to) cluster.links.set(from, to, { held: true });
                }
            }
            await sleep(700);
            cluster.links.heal();
        }
        await cluster.check({ users, answer_of });
    });

    scoped_test('two directed links late by more than a stage (row 6)', async (scope, context) => {
        const cluster = await Cluster.start(scope, 5, with_threshold(80, 500));
        const users = start_users(cluster.nodes);
        const first = await cluster.wait_more(1);
        const started_ms = Date.now();
        for (const to of [2, 3]) cluster.links.set(4, to, { delay_ms: 165 });
        const last = await cluster.wait_more(10);
        const each_ms = (Date.now() - started_ms) / (last - first);
        context.diagnostic(`roundtime 500, two links late by 165 ms: ${each_ms.toFixed(0)} ms`);
        cluster.links.heal();
        await cluster.check({ users, answer_of });
    });

    scoped_test('every link 40 ms long', async (scope, context) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80, 500));
        cluster.links.divide([[0], [1], [2]], { delay_ms: 40 });
        const users = start_users(cluster.nodes);
        const first = await cluster.wait_more(1);
        const started_ms = Date.now();
        const last = await cluster.wait_more(8);
        const each_ms = (Date.now() - started_ms) / (last - first);
        context.diagnostic(`roundtime 500, all links 40 ms long: ${each_ms.toFixed(0)} ms`);
        await cluster.check({ users, answer_of });
    });

    scoped_test('connections broken again and again', async (scope) => {
        const cluster = await Cluster.start(scope, 4, with_threshold(80));
        const users = start_users(cluster.nodes);
        for (const round of range(12)) {
            await sleep(outage_ms / 12);
            cluster.links.reset(round % 4, (round + 1 + (round % 3)) % 4);
        }
        await cluster.check({ users, answer_of });
    });
});
