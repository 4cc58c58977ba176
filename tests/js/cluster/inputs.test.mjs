// SPDX-License-Identifier: Apache-2.0
//
// Inputs that reach several nodes, late, twice, or just before a node dies: each has one fate.
// "Row" is a row of the list of faults that the design of consensus is measured by.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, with_threshold } from '../lib/cluster.mjs';
import { scaled } from '../lib/scale.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { chosen_seed, make_random, median, range, sleep } from '../lib/util.mjs';

const limit = 60; // max_input_ledger_offset of Cluster
const eager_inputs = scaled({ usual: 15, full: 1000 });
const eager_pause_ms_max = 1000;
const many_users = scaled({ usual: 20, full: 300 });
const many_roundtime_ms = scaled({ usual: 250, full: 2000 }); // all of it while inputs are valid
const repeated = ['already_submitted', 'nonce_expired'];

const login_all = (scope, cluster, keys) =>
    Promise.all(cluster.running().map((node) => scope.login(node, { keys })));

const inputs_of = (ledgers) => ledgers.flatMap((ledger) => ledger.inputs);

/** The same bytes to a node again: what it says then. */
async function repeat(client, built) {
    const again = client.send_input({ ...built });
    return client.wait_status(built.hash, { from: again.from });
}

describe('cluster: inputs', () => {
    scoped_test('accepted ones sent to all nodes again, also later (row 37)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80, many_roundtime_ms));
        const user = await scope.login(cluster.nodes[0]);
        const built = [];
        for (const number of range(3)) {
            const text = `append:log.txt=${number}`;
            built.push((await user.echo(text, { expected: `${number}` })).built);
        }
        await user.close(); // a node knows each key once
        const crowd = [];
        for (const at of range(many_users)) crowd.push(await scope.login(cluster.nodes[at % 3]));
        const theirs = await Promise.all(crowd.map((one) => one.submit('hello')));
        for (const [at, one] of crowd.entries()) {
            await one.wait_accepted(theirs[at].hash);
        }
        await Promise.all(crowd.map((one) => one.close()));
        const expect_refusals = async (client, inputs) => {
            for (const input of inputs) {
                const { status, reason } = await repeat(client, input);
                assert.equal(status, 'rejected');
                assert.ok(repeated.includes(reason), reason);
            }
            await client.close();
        };
        const send_all_again = async () => {
            for (const client of await login_all(scope, cluster, user.keys)) {
                await expect_refusals(client, built);
            }
            for (const [at, { keys }] of crowd.entries()) {
                const elsewhere = cluster.nodes[(at + 1) % 3];
                await expect_refusals(await scope.login(elsewhere, { keys }), [theirs[at]]);
            }
        };
        await send_all_again();
        await cluster.kill();
        await cluster.run();
        await cluster.wait_more(1);
        await send_all_again();
        const inputs = inputs_of(await cluster.check());
        assert.equal(inputs.length, built.length + theirs.length);
    });

    scoped_test('one user on all nodes, nonces in no order (row 38)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(80));
        const first = await scope.login(cluster.nodes[0]);
        const { ledger_seq_no } = await first.lcl();
        await first.close();
        const clients = await login_all(scope, cluster, first.keys);
        const max = ledger_seq_no + limit;
        const base = first.next_nonce();
        const sent = [];
        for (const round of range(4)) {
            for (const [at, client] of clients.entries()) {
                // Descending, and two nodes get another text for the same nonce.
                for (const nonce of [base + 10 * round + 5 - at, base + 10 * round + 7]) {
                    const text = `append:log.txt=${round} ${at} ${nonce}`;
                    const built = client.make_input(text, { nonce, max });
                    sent.push({ client, built: client.send_input(built) });
                }
            }
            await sleep(100);
        }
        const told = new Map();
        for (const { client, built } of sent) {
            const options = { from: built.from };
            told.set(built.hash, (await client.wait_status(built.hash, options)).status);
        }
        const inputs = inputs_of(await cluster.check());
        const nonces = inputs.map(({ nonce }) => nonce);
        const ascending = [...new Set(nonces)].sort((a, b) => a - b);
        assert.deepEqual(nonces, ascending, 'each nonce once, and in order');
        const found = new Set(inputs.map(({ hash }) => hash));
        for (const [hash, status] of told) assert.equal(status === 'accepted', found.has(hash));
        assert.ok(found.size >= 4, 'the test tested something');
    });

    scoped_test('the node that took it dies (row 39)', async (scope) => {
        const cluster = await Cluster.start(scope, 5, with_threshold(80));
        const victim = cluster.nodes[0];
        const hashes = [];
        let keys;
        for (const wait_ms of [0, 5, 20, 60, 150]) {
            const user = await scope.login(victim, { keys });
            keys = user.keys;
            const text = `append:log.txt=after ${wait_ms} ms`;
            const built = await user.submit(text);
            await sleep(wait_ms);
            await victim.kill();
            const elsewhere = await scope.login(cluster.nodes[1 + (hashes.length % 4)], { keys });
            const { status, reason } = await repeat(elsewhere, built);
            assert.ok(status === 'accepted' || reason === 'already_submitted', reason);
            hashes.push(built.hash);
            await elsewhere.close();
            await victim.run();
            await cluster.settle_votes();
        }
        const inputs = inputs_of(await cluster.check({ readers: [cluster.nodes[1]] }));
        assert.deepEqual(inputs.map(({ hash }) => hash).sort(), hashes.sort());
    });

    scoped_test('eager: inputs at any time, none too late (row 54)', async (scope, context) => {
        const cluster = await Cluster.start(scope, 3, {
            config: { node: { pace: 'eager' }, contract: { consensus: { roundtime: 1000 } } },
        });
        const seed = chosen_seed();
        context.diagnostic(`HP_SEED=${seed}`);
        const random = make_random(seed);
        const waits_ms = [];
        const clients = await login_all(scope, cluster);
        for (const number of range(eager_inputs)) {
            const client = clients[number % clients.length];
            await sleep(random() * eager_pause_ms_max);
            const built = await client.submit(`append:log.txt=${number}`, { offset: 10 });
            const sent_ms = Date.now();
            const { status, reason } = await client.wait_status(built.hash);
            assert.equal(status, 'accepted', reason);
            waits_ms.push(Date.now() - sent_ms);
        }
        context.diagnostic(`accepted after ${median(waits_ms)} ms, median of ${eager_inputs}`);
        await cluster.settle();
    });

    scoped_test('too late and too far ahead, on every node alike (row 40)', async (scope) => {
        // A ledger closes for inputs and another for their outputs, so the next one is known.
        const consensus = { mode: 'public', threshold: 80, roundtime: 60000 };
        const cluster = await Cluster.start(scope, 3, {
            config: { node: { pace: 'eager' }, contract: { consensus } },
        });
        const clients = await login_all(scope, cluster);
        let last = (await clients[0].echo('first')).output.ledger_seq_no;
        for (const [distance, expected] of [
            [0, 'max_ledger_expired'],
            [1, null],
            [limit, null],
            [limit + 1, 'max_ledger_offset_exceeded'],
        ]) {
            for (const client of clients) {
                await cluster.wait_ledger(last);
                const built = await client.submit('hello', { max: last + distance });
                const msg = await client.wait_status(built.hash, { from: built.from });
                const what = `${distance} ledgers after ${last}, ${client.node.name}`;
                assert.equal(msg.status, expected ? 'rejected' : 'accepted', what);
                assert.equal(msg.reason ?? null, expected, what);
                if (expected) continue;
                assert.equal(msg.ledger_seq_no, last + 1, what);
                last = (await client.wait_output('hello', { from: built.from })).ledger_seq_no;
            }
        }
        await cluster.settle();
    });
});
