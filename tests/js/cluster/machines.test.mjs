// SPDX-License-Identifier: Apache-2.0
//
// Machines that fail their nodes: disks that are full or slow, clocks that are wrong or jump, and
// deaths at chosen moments of storing something. Each test ends with one chain, one state and every
// promise kept. "Row" is a row of the list of faults that the design of consensus is measured by.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import {
    Cluster,
    seq_of,
    status_of,
    wait_status,
    wipe,
    with_threshold,
} from '../lib/cluster.mjs';
import { accepted_count, answer_of, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { Tmpfs } from '../lib/tmpfs.mjs';
import { median, range, sleep, until } from '../lib/util.mjs';

const load_ms = 1000;
const disk_kib = 48 * 1024;
const reserve_mib = 8;
const little_room = (reserve_mib / 2) * 1024 * 1024;
const silence_ms = 1500; // many rounds
const rest_ms = 500;
const disk_full_codes = [71, 70]; // disk full; storage failed
const hour_ms = 3600 * 1000;
const honest_range_ms = 600 * 1000;
const deaths = 12; // more than a node stores for one ledger
const common_deaths = 6;
const deaths_while_fetching = [2, 5, 9, 14, 20, 30];

const faulty = (threshold, roundtime) => ({
    ...with_threshold(threshold, roundtime),
    faulty: true,
});

/** Disks of their own for all nodes, or null and the test is skipped. */
async function make_disks(context, count) {
    const disks = [];
    for (const _ of range(count)) {
        const disk = await Tmpfs.make(disk_kib);
        if (!disk) context.skip(`no mount namespace: ${Tmpfs.problem.trim()}`);
        if (!disk) break;
        disks.push(disk);
    }
    return disks;
}

/** A test whose first `count` nodes have small disks. */
function disk_test(name, count, run) {
    scoped_test(name, async (scope, context) => {
        const disks = await make_disks(context, count);
        try {
            if (disks.length === count) await run(scope, disks);
        } finally {
            for (const node of scope.owned) await node.kill();
            for (const disk of disks) await disk.dispose();
        }
    });
}

/** reserve: MiB below which a node is suspended. Without one it goes on until a write fails. */
const on_disks = (disks, threshold, reserve = 0) => ({
    ...with_threshold(threshold),
    of_node: (at) =>
        disks[at]
            ? { place: disks[at], config: { node: { disk_reserve_mbytes: reserve } } }
            : {},
});

async function expect_disk_full(node) {
    const exit = await node.wait_exit();
    assert.ok(disk_full_codes.includes(exit.code), `${node.name}: ${node.exit_text()}`);
    await node.wait_log(/No space left|disk is full|full disk/i);
}

const wait_suspended = (node) =>
    wait_status(node, ({ consensus }) => consensus.suspended, { what: 'a suspended node' });

/** Until what it had begun when it was suspended is on the disk. */
async function wait_at_rest(node) {
    let last = null;
    const rests = async () => {
        const { ledger, contract } = await status_of(node);
        const same = contract.running === null && ledger.seq === last;
        last = ledger.seq;
        return same;
    };
    await until(rests, { every_ms: rest_ms, what: 'rest' });
}

const wait_resumed = (node) =>
    wait_status(node, ({ consensus }) => !consensus.suspended, { what: 'the end of it' });

/** It serves what it has, takes no inputs, and says why. */
async function expect_suspended(node, user) {
    const { consensus, ledger } = await status_of(node);
    assert.match(consensus.suspended, /nearly full: \d+ KiB are left in .*disk_reserve_mbytes/);
    assert.equal(consensus.vote_status, 'unreliable');
    const { stdout } = await node.command('status');
    assert.match(stdout, /takes no part in consensus: the disk is nearly full/);
    assert.equal((await user.stat()).vote_status, 'unreliable');
    const from = user.mark();
    user.read('while suspended', 'read:kept.txt');
    const { msg } = await user.wait('contract_read_response', { from });
    assert.equal(msg.content, 'kept\n');
    const built = await user.submit('append:log.txt=too late');
    const told = (other) => other.input_hash === built.hash;
    const status = await user.wait(told, { from: built.from });
    assert.equal(status.msg.reason, 'round_inputs_overflow');
    await sleep(silence_ms);
    assert.equal(seq_of(await status_of(node)), ledger.seq, 'it closes ledgers');
}

const times_logged = (node, text) => node.log_text().split(text).length - 1;

describe('cluster: disks', () => {
    disk_test('the disk of one of five is full (row 17)', 1, async (scope, disks) => {
        const cluster = await Cluster.start(scope, 5, on_disks(disks, 80));
        const users = start_users(cluster);
        await sleep(load_ms);
        const [victim, ...others] = cluster.nodes;
        disks[0].fill(100000);
        await expect_disk_full(victim);
        await cluster.wait_more(5, { nodes: others });
        disks[0].free();
        await victim.run();
        await cluster.wait_ledger(seq_of(await status_of(others[0])), { nodes: [victim] });
        await cluster.settle_votes();
        await cluster.check({ users, answer_of, readers: [others[0]] });
    });

    disk_test('one of five has little room left: it waits (row 17)', 1, async (scope, disks) => {
        const cluster = await Cluster.start(scope, 5, on_disks(disks, 80, reserve_mib));
        const [victim, ...others] = cluster.nodes;
        const user = await scope.login(victim);
        user.subscribe('ledger_event');
        await user.echo('append:kept.txt=kept', { expected: 'kept' });
        const users = start_users(cluster);
        await sleep(load_ms);
        const { pid } = victim.child;
        const from = user.mark();
        disks[0].fill(little_room);
        const vote = (status) => (msg) => msg.event === 'vote_status' && msg.vote_status === status;
        await user.wait(vote('unreliable'), { from });
        await wait_suspended(victim);
        await wait_at_rest(victim);
        disks[0].fill();
        await expect_suspended(victim, user);
        await cluster.wait_more(5, { nodes: others });
        const healed = user.mark();
        disks[0].free();
        await wait_resumed(victim);
        await user.wait(vote('synced'), { from: healed });
        await cluster.wait_ledger(seq_of(await status_of(others[0])), { nodes: [victim] });
        assert.equal(times_logged(victim, 'takes no part in consensus'), 1);
        assert.equal(times_logged(victim, 'resumed: there is room'), 1);
        // It votes: four of five have to.
        await others[3].kill();
        await cluster.wait_more(3);
        await others[3].run();
        await cluster.settle_votes();
        await cluster.check({ users, answer_of, readers: [others[0]] });
        assert.equal(victim.child.pid, pid);
    });

    disk_test('none of three has room left: all wait (row 17)', 3, async (scope, disks) => {
        const cluster = await Cluster.start(scope, 3, on_disks(disks, 80, reserve_mib));
        const [first] = cluster.nodes;
        const user = await scope.login(first);
        await user.echo('append:kept.txt=kept', { expected: 'kept' });
        const users = start_users(cluster, { nodes: cluster.nodes.slice(1) });
        await sleep(load_ms);
        for (const disk of disks) disk.fill(little_room);
        for (const node of cluster.nodes) await wait_suspended(node);
        await expect_suspended(first, user);
        // Who starts now waits from the start.
        await first.kill();
        await first.run();
        await expect_suspended(first, await scope.login(first));
        const pids = cluster.nodes.map((node) => node.child.pid);
        const last = Math.max(...(await Promise.all(cluster.nodes.map(status_of))).map(seq_of));
        for (const disk of disks) disk.free();
        await cluster.wait_ledger(last + 3);
        await cluster.check({ users });
        assert.deepEqual(
            cluster.nodes.map((node) => node.child.pid),
            pids,
        );
    });

    disk_test('all disks are full (row 17)', 3, async (scope, disks) => {
        const cluster = await Cluster.start(scope, 3, on_disks(disks, 80));
        const users = start_users(cluster);
        await sleep(load_ms);
        for (const disk of disks) disk.fill(60000);
        // Without the first that stops no ledger closes, and so the others write little.
        await Promise.race(cluster.nodes.map((node) => node.wait_exit()));
        await sleep(load_ms);
        for (const node of cluster.nodes.filter((other) => !other.running)) {
            await expect_disk_full(node);
        }
        for (const disk of disks) disk.free();
        await cluster.run(cluster.nodes.filter((node) => !node.running));
        await cluster.wait_more(3);
        await cluster.check({ users });
    });

    for (const [who, size, slow, steps_ms] of [
        ['one of five', 5, [2], [50, 500]],
        ['all of three', 3, [0, 1, 2], [50, 500]],
    ]) {
        scoped_test(`each sync takes longer on ${who} (row 18)`, async (scope, context) => {
            const cluster = await Cluster.start(scope, size, faulty(80, 250));
            const users = start_users(cluster);
            await cluster.wait_more(1);
            const is_quick = (at) => size === slow.length || !slow.includes(at);
            const quick = cluster.nodes.filter((_, at) => is_quick(at));
            for (const sync_ms of steps_ms) {
                for (const at of slow) cluster.nodes[at].faults.set({ sync_ms });
                const started_ms = Date.now();
                const first = seq_of(await status_of(quick[0]));
                const all_crawl = quick.length === slow.length && sync_ms > 100;
                const last = await cluster.wait_more(all_crawl ? 4 : 8, { nodes: quick });
                const each_ms = (Date.now() - started_ms) / (last - first);
                const what = `roundtime 250, syncs longer by ${sync_ms} ms on ${who}`;
                context.diagnostic(`${what}: a ledger every ${each_ms.toFixed(0)} ms`);
            }
            for (const node of cluster.nodes) node.faults.set({ sync_ms: 0 });
            // Who is far behind is given the agreed state, and has no outputs to deliver.
            await cluster.check({ users, answer_of, readers: [quick[0]] });
            assert.ok(cluster.nodes[0].faults.syncs > 0, 'the library is in front of the node');
        });
    }
});

describe('cluster: deaths while storing', () => {
    scoped_test('one of five, before and after its next syncs (row 12)', async (scope) => {
        const cluster = await Cluster.start(scope, 5, faulty(80, 150));
        const users = start_users(cluster);
        await cluster.wait_more(2);
        for (const count of range(deaths)) {
            const victim = cluster.nodes[count % 2];
            victim.faults.set({ die_at: 1 + count, die_after: count % 3 === 0 ? 1 : 0 });
            const exit = await victim.wait_exit();
            assert.equal(exit.signal, 'SIGKILL');
            await cluster.wait_more(1, { nodes: cluster.running() });
            await victim.run();
            await cluster.settle_votes({ nodes: [victim] });
        }
        await cluster.check({ users, readers: [cluster.nodes[4]] });
        assert.ok(accepted_count(users) > 5 * users.length, 'the test tested something');
    });

    scoped_test('one that fetches ledgers and state, again and again (row 12)', async (scope) => {
        const cluster = await Cluster.start(scope, 4, faulty(66, 250));
        const victim = cluster.nodes[3];
        const others = cluster.nodes.slice(0, 3);
        const users = start_users(cluster, { nodes: others });
        await cluster.wait_more(4);
        await victim.kill();
        wipe(victim);
        await cluster.wait_more(2, { nodes: others });
        for (const die_at of deaths_while_fetching) {
            victim.faults.set({ die_at, die_after: die_at % 2 });
            victim.spawn();
            const exit = await victim.wait_exit();
            assert.equal(exit.signal, 'SIGKILL', victim.exit_text());
        }
        victim.faults.set({ die_at: 0 });
        await victim.run();
        await cluster.check({ users, answer_of });
    });

    scoped_test('all of three, at the same sync (row 13)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, faulty(80, 150));
        const users = start_users(cluster);
        for (const count of range(common_deaths)) {
            await cluster.wait_more(2);
            const fault = { die_at: 1 + 2 * count, die_after: count % 2 };
            for (const node of cluster.nodes) node.faults.set(fault);
            await Promise.race(cluster.nodes.map((node) => node.wait_exit()));
            await sleep(100); // for the others to come as far, if they can
            await cluster.kill();
            for (const node of cluster.nodes) node.faults.set({ die_at: 0 });
            await cluster.run();
        }
        await cluster.check({ users, answer_of });
        assert.ok(accepted_count(users) > users.length, 'the test tested something');
    });
});

describe('cluster: clocks', () => {
    scoped_test('two of five are hours off and jump (row 22)', async (scope) => {
        const cluster = await Cluster.start(scope, 5, faulty(80, 250));
        const [, early, late] = cluster.nodes;
        const users = start_users(cluster);
        for (const [early_ms, late_ms] of [
            [hour_ms, -hour_ms],
            [-2 * hour_ms, 30 * 1000],
            [90 * 1000, 24 * hour_ms],
        ]) {
            early.faults.set({ clock_ms: early_ms });
            late.faults.set({ clock_ms: late_ms });
            await cluster.wait_more(4);
        }
        // Started with a wrong clock as well.
        await early.kill();
        await early.run();
        await cluster.wait_more(3);
        const ledgers = await cluster.check({ users, readers: [cluster.nodes[0]] });
        const off_ms = ledgers.map(({ timestamp }) => Math.abs(timestamp - Date.now()));
        assert.ok(Math.max(...off_ms) < honest_range_ms, `${median(off_ms)}, ${off_ms}`);
    });

    scoped_test('the clocks of all go back and differ (row 22)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, faulty(80, 250));
        const users = start_users(cluster);
        await cluster.wait_more(3);
        for (const [at, node] of cluster.nodes.entries()) {
            node.faults.set({ clock_ms: -hour_ms * (at + 1) });
        }
        // The time of ledgers goes on, a little at a time: check() wants it to ascend.
        await cluster.wait_more(5);
        for (const node of cluster.nodes) node.faults.set({ clock_ms: 0 });
        await cluster.wait_more(3);
        await cluster.check({ users, answer_of });
    });
});
