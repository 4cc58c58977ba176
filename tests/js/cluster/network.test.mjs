// SPDX-License-Identifier: Apache-2.0
//
// Networks that are divided, slow, silent in one direction, or break again and again. Each test
// ends with one chain, one state and every promise kept. "Row" is a row of the list of faults that
// the design of consensus is measured by.

import { describe } from 'node:test';

import { Cluster, expect_halt, seq_of, status_of, with_threshold } from '../lib/cluster.mjs';
import { answer_of, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, sleep, until } from '../lib/util.mjs';

const load_ms = 1500;
const reset_pause_ms = 200;

describe('cluster: partitions', () => {
    for (const { size, need, how, settings } of [
        { size: 5, need: 3, how: 'cut', settings: with_threshold(60) },
        { size: 5, need: 4, how: 'held', settings: with_threshold(80) },
        { size: 10, need: 7, how: 'cut', settings: with_threshold(67, 1000) },
    ]) {
        scoped_test(`${need} of ${size} and ${size - need}, ${how} (row 9)`, async (scope) => {
            const cluster = await Cluster.start(scope, size, settings);
            const [majority, minority] = [cluster.nodes.slice(0, need), cluster.nodes.slice(need)];
            const users = start_users(cluster, { nodes: [...majority.slice(0, 2), minority[0]] });
            await cluster.wait_more(3);
            cluster.links.divide([range(need), range(size).slice(need)], { [how]: true });
            await Promise.all([
                cluster.wait_more(5, { nodes: majority }),
                expect_halt(minority, { have: size - need, need }),
            ]);
            const seen = seq_of(await status_of(majority[0]));
            cluster.links.heal();
            await cluster.wait_ledger(seen + 1);
            await cluster.check({ users, answer_of });
        });
    }

    scoped_test('no side has a quorum; then all go on (row 8)', async (scope) => {
        const cluster = await Cluster.start(scope, 4, with_threshold(66));
        const users = start_users(cluster);
        await sleep(load_ms);
        cluster.links.divide([[0, 1], [2, 3]], { held: true });
        await expect_halt(cluster.nodes, { have: 2, need: 3 });
        cluster.links.heal();
        await cluster.check({ users, answer_of });
    });

    scoped_test('what a node says reaches others by way of one (row 51)', async (scope) => {
        const cluster = await Cluster.start(scope, 4, with_threshold(100)); // all have to vote
        const users = start_users(cluster);
        await sleep(load_ms);
        cluster.links.divide([[3], [1, 2]], { cut: true });
        await cluster.wait_more(5);
        cluster.links.heal();
        await cluster.check({ users, answer_of });
        // Not if nobody passes it on.
        await Promise.all(cluster.nodes.map((node) => node.stop()));
        for (const node of cluster.nodes) node.edit_config({ mesh: { msg_forwarding: false } });
        await cluster.run();
        await cluster.wait_more(2);
        cluster.links.divide([[3], [1, 2]], { cut: true });
        await expect_halt([cluster.nodes[3]], { have: 2, need: 4 });
        cluster.links.heal();
        await cluster.check();
    });

    scoped_test('a node that only hears one other (row 51)', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster);
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
        const users = start_users(cluster);
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
        const users = start_users(cluster);
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
        const users = start_users(cluster);
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
        const users = start_users(cluster);
        const first = await cluster.wait_more(1);
        const started_ms = Date.now();
        const last = await cluster.wait_more(8);
        const each_ms = (Date.now() - started_ms) / (last - first);
        context.diagnostic(`roundtime 500, all links 40 ms long: ${each_ms.toFixed(0)} ms`);
        await cluster.check({ users, answer_of });
    });

    // Asking for one ledger at a time it would fall further behind with each.
    scoped_test('a node more than a roundtime away catches up', async (scope) => {
        const cluster = await Cluster.start(scope, 4, with_threshold(66, 200));
        const [far] = cluster.nodes.slice(-1);
        const near = cluster.nodes.slice(0, 3);
        const users = start_users(cluster, { nodes: near });
        await far.kill();
        await cluster.wait_more(20, { nodes: near });
        cluster.links.divide([[0, 1, 2], [3]], { delay_ms: 150 });
        await far.run();
        const behind_max = 8; // what closes during a round trip, and some more
        const is_near = async () => {
            const [at, newest] = (await Promise.all([far, near[0]].map(status_of))).map(seq_of);
            return newest - at <= behind_max;
        };
        await until(is_near, { every_ms: 200, what: 'node that catches up' });
        cluster.links.heal();
        await cluster.check({ users, answer_of });
    });

    scoped_test('connections broken again and again', async (scope) => {
        const cluster = await Cluster.start(scope, 4, with_threshold(80));
        const users = start_users(cluster);
        for (const round of range(12)) {
            await sleep(reset_pause_ms);
            cluster.links.reset(round % 4, (round + 1 + (round % 3)) % 4);
        }
        await cluster.check({ users, answer_of });
    });
});
