// SPDX-License-Identifier: Apache-2.0
//
// Nodes die, stand still, lose their disks and come back, under load. Nobody helps them; each test
// ends with one chain, one state and every promise kept. "Row" is a row of the list of faults that
// the design of consensus is measured by.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, expect_halt, seq_of, status_of, wipe, with_threshold } from '../lib/cluster.mjs';
import { accepted_count, answer_of, start_users } from '../lib/cluster_users.mjs';
import { b3 } from '../lib/crypto.mjs';
import { Peer, read_propose, read_vote } from '../lib/peer.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, sleep } from '../lib/util.mjs';

const load_ms = 1500;
const lead_timeout_ms = 2000; // rounds take 250
const lead_tries = 8;
const still_s = Number(process.env.HP_STILL_S ?? 5);

/** Leads the first attempt at the ledger after this one, if all members took part in it. */
function leader_after({ hash }, keys) {
    const rank = (key) => b3(Buffer.from(hash, 'hex'), Buffer.from(key, 'hex'));
    const order = [...keys].sort((a, b) => Buffer.compare(rank(a), rank(b)));
    return keys.indexOf(order[0]);
}

/**
 * Kills the leader of a ledger as soon as it proposes; so many of the others can hear that. Null
 * when the ledger had another leader. Strangers beside each node hear when it is time.
 */
async function kill_leader(scope, cluster, heard_by) {
    const guests = [];
    for (const node of cluster.nodes) guests.push(await Peer.join(node));
    const user = await scope.login(cluster.nodes[0]);
    user.subscribe('ledger_event');
    const last = await user.next_ledger();
    const height = last.seq_no + 1;
    const at = leader_after(last, cluster.keys());
    const node = cluster.nodes[at];
    const deaf = range(5)
        .filter((other) => other !== at)
        .slice(heard_by);
    for (const to of deaf) cluster.links.set(at, to, { held: true });
    const proposed = new Promise((resolve) => {
        guests[at].on_message = (bytes) => {
            if (read_propose(bytes)?.height !== height) return;
            node.child.kill('SIGKILL');
            resolve(true);
        };
    });
    const died = await Promise.race([proposed, sleep(lead_timeout_ms)]);
    if (died) await node.wait_exit();
    for (const to of deaf) cluster.links.set(at, to, { cut: true }); // what is held is lost
    cluster.links.heal();
    await user.close();
    if (!died) for (const guest of guests) guest.close();
    if (!died) await cluster.settle_votes();
    const votes = () => guests.flatMap((guest) => guest.heard.map(read_vote));
    const attempts = () => votes().flatMap((vote) => (vote?.height === height ? vote.attempt : []));
    return died ? { node, height, guests, attempts } : null;
}

describe('cluster: crashes', () => {
    scoped_test('kill -9 of one of five under load; it catches up', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster);
        await sleep(load_ms);
        const victim = cluster.nodes[2];
        await victim.kill();
        const others = cluster.running();
        await cluster.wait_more(5, { nodes: others });
        const seen = seq_of(await status_of(others[0]));
        await victim.run();
        await cluster.wait_ledger(seen, { nodes: [victim] });
        await sleep(load_ms);
        // Its history has the outputs of runs that it missed, too.
        await cluster.check({ users, answer_of, readers: [victim] });
        assert.ok(accepted_count(users) > 5 * users.length, 'the test tested something');
    });

    scoped_test('kill -9 again and again, another node each time', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster);
        for (const node of cluster.nodes) {
            await sleep(300);
            await node.kill();
            await cluster.wait_more(2);
            await node.run();
            const { ledger } = await status_of(cluster.nodes.find((other) => other !== node));
            await cluster.wait_ledger(ledger.seq, { nodes: [node] });
            await cluster.settle_votes();
        }
        // Every node has missed a run.
        await cluster.check({ users, answer_of, readers: cluster.nodes });
    });

    scoped_test('the leader dies when none to all heard its proposal (row 20)', async (...all) => {
        const [scope, context] = all;
        const cluster = await Cluster.start(scope, 5, with_threshold(80));
        const users = start_users(cluster);
        for (const heard_by of range(5)) {
            let death = null;
            for (let tries = 0; !death && tries < lead_tries; tries += 1) {
                death = await kill_leader(scope, cluster, heard_by);
            }
            assert.ok(death, 'the expected leader never proposed');
            await cluster.wait_ledger(death.height);
            const attempt = Math.max(...death.attempts());
            context.diagnostic(`heard by ${heard_by} of 4: attempt ${attempt} was the last`);
            if (heard_by === 0) {
                const survivor = cluster.nodes.find((node) => node !== death.node);
                const { consensus } = await status_of(survivor);
                assert.ok(consensus.failed_attempts > 0, 'what nobody heard cannot be decided');
            }
            for (const guest of death.guests) guest.close();
            await death.node.run();
            await cluster.settle_votes();
        }
        await cluster.check({ users });
    });

    scoped_test('a node that lost its disk gets everything again', async (scope) => {
        const cluster = await Cluster.start(scope, 5);
        const users = start_users(cluster, { nodes: cluster.nodes.slice(0, 4) });
        await sleep(load_ms);
        const [victim] = cluster.nodes.slice(-1);
        await victim.kill();
        wipe(victim);
        await cluster.wait_more(3);
        await victim.run();
        await sleep(load_ms);
        await cluster.check({ users, answer_of, readers: [victim] });
        // And it takes part again: without it four are left, and with one fewer the rest halts.
        await cluster.nodes[0].kill();
        await cluster.wait_more(3);
    });

    scoped_test('all nodes killed at once and started again (row 13)', async (scope) => {
        const cluster = await Cluster.start(scope, 3);
        const users = start_users(cluster);
        for (const _ of range(3)) {
            await sleep(load_ms);
            await cluster.kill();
            await cluster.run();
        }
        await cluster.wait_more(2);
        await cluster.check({ users, answer_of });
        assert.ok(accepted_count(users) > users.length, 'the test tested something');
    });

    scoped_test(
        `a node that stands still for ${still_s} s (row 19)`,
        async (scope, context) => {
            const config = { node: { history: 'full' } }; // to compare all of it in the end
            const cluster = await Cluster.start(scope, 5, { config });
            const users = start_users(cluster);
            const [sleeper, ...others] = cluster.nodes;
            await sleep(load_ms);
            const first = seq_of(await status_of(sleeper));
            sleeper.child.kill('SIGSTOP');
            try {
                await Promise.all([
                    sleep(still_s * 1000),
                    cluster.wait_more(8, { nodes: others, timeout_ms: 60000 + still_s * 1000 }),
                ]);
            } finally {
                sleeper.child.kill('SIGCONT');
            }
            const woken_ms = Date.now();
            const missed = seq_of(await status_of(others[0]));
            await cluster.wait_ledger(missed, { nodes: [sleeper] });
            await cluster.settle_votes({ nodes: [sleeper] });
            const took_ms = Date.now() - woken_ms;
            context.diagnostic(`${missed - first} ledgers missed, votes after ${took_ms} ms`);
            // It has the inputs of ledgers that closed meanwhile, but no outputs: others ran them.
            await cluster.check({ users, answer_of, readers: [others[0]] });
        },
        { timeout: 180000 + 2 * still_s * 1000 },
    );
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
        await expect_halt([first, second], { have: 2, need: 3 });
        const vote = (status) => (msg) => msg.event === 'vote_status' && msg.vote_status === status;
        await user.wait(vote('unreliable'), { from });
        await first.wait_log(/no ledger can close: .*3 have to take part; heard from 2/);
        const waiting = await user.submit('append:log.txt=meanwhile');
        const { code, stdout } = await first.command('status');
        assert.equal(code, 0);
        assert.match(stdout, /no ledger can close: the UNL has 3 members/);
        const healed = user.mark();
        await third.run();
        await user.wait(vote('synced'), { from: healed });
        await user.wait_accepted(waiting.hash, { from: waiting.from });
        await cluster.check();
    });

    scoped_test('one of three missing at threshold 66: ledgers go on (row 3)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(66));
        const [first, , third] = cluster.nodes;
        const users = start_users(cluster, { nodes: cluster.nodes.slice(0, 2) });
        await third.kill();
        await cluster.wait_more(5);
        const from = third.log_text().length;
        await third.run();
        for (const status of ['desync', 'synced']) {
            await third.wait_log(new RegExp(`vote status status=${status}`), { from });
        }
        await cluster.wait_ledger(seq_of(await status_of(first)));
        await cluster.check({ users, answer_of });
    });
});
