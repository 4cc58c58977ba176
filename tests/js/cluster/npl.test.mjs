// SPDX-License-Identifier: Apache-2.0
//
// What contracts on several nodes say to each other, and what becomes of a round in which they do
// not agree. Numbers are those of section 15 of the contract protocol.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe } from 'node:test';

import { Cluster } from '../lib/cluster.mjs';
import { each, private_file, wait_private } from '../lib/contract_kit.mjs';
import { native_contract, script_contract } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { median } from '../lib/util.mjs';

const late_ms = 300;
const npl_bytes_max = 131072;

const with_consensus = (consensus) => ({
    config: { contract: { consensus: { mode: 'public', roundtime: 500, ...consensus } } },
});

const gatherers = (count) =>
    script_contract('gather.js', {
        args: String(count),
        modules: ['hotpocket-nodejs-contract'],
    });

async function ask(user, text) {
    const built = await user.submit(text);
    const { ledger_seq_no } = await user.wait_accepted(built.hash, { from: built.from });
    const matches = (msg) =>
        msg.type === 'contract_output' && msg.ledger_seq_no === ledger_seq_no + 1;
    const { msg } = await user.wait(matches, {
        from: built.from,
        what: `output of "${text}"`,
    });
    return user.content_text(msg.outputs[0]);
}

const lines_of = (keys, text) => keys.map((key) => `${key}:${text}`).sort();

describe('cluster: node party line', () => {
    scoped_test('every contract hears every member, itself included', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_consensus({}));
        for (const node of cluster.nodes) {
            const user = await scope.login(node);
            const text = `from ${node.name}`;
            const answer = await ask(user, `npl:${text}`);
            assert.deepEqual(answer.split('\n'), lines_of(cluster.keys(), text));
        }
        await cluster.check();
    });

    scoped_test('15.51 nobody hears the contract of an observer', async (scope) => {
        const cluster = await Cluster.make(scope, 3, with_consensus({ threshold: 66 }));
        const observer = cluster.nodes[2];
        observer.edit_config({ node: { role: 'observer' } });
        await cluster.run();
        await cluster.wait_more(1);
        const user = await scope.login(cluster.nodes[0]);
        await ask(user, 'save:../heard.txt=npl:hi');
        const expected = lines_of(cluster.keys().slice(0, 2), 'hi');
        for (const node of cluster.nodes) {
            const heard = await wait_private(node, 'heard.txt');
            assert.deepEqual(heard.trim().split('\n'), expected, `heard by ${node.name}`);
        }
        // An observer serves users like any other node.
        const other = await scope.login(observer);
        const { output } = await other.echo('echo:hello', { expected: 'hello' });
        assert.equal(output.unl_sig.length, 2, 'an observer signs nothing');
        await cluster.check();
    });

    scoped_test('15.52 a run that begins later hears what was said before', async (scope) => {
        const cluster = await Cluster.make(scope, 3, {
            ...with_consensus({}),
            contract: gatherers(3),
        });
        fs.writeFileSync(private_file(cluster.nodes[2], 'late_ms'), String(late_ms));
        await cluster.run();
        const user = await scope.login(cluster.nodes[0], { protocol: 'bson' });
        for (const text of ['one', 'two', 'three']) {
            const answer = await ask(user, text);
            assert.deepEqual(answer.split('\n'), lines_of(cluster.keys(), text));
        }
        await cluster.check();
    });

    scoped_test('15.52 messages for a ledger that a node closes later', async (scope) => {
        const cluster = await Cluster.start(scope, 3, {
            ...with_consensus({ threshold: 66 }),
            contract: gatherers(3),
        });
        await cluster.wait_more(1);
        // The third learns of decisions after the others have begun to run them.
        for (const from of [0, 1]) cluster.links.set(from, 2, { delay_ms: 60 });
        const user = await scope.login(cluster.nodes[0], { protocol: 'bson' });
        for (const text of ['one', 'two', 'three']) {
            const answer = await ask(user, text);
            assert.deepEqual(answer.split('\n'), lines_of(cluster.keys(), text));
        }
        cluster.links.heal();
        await cluster.check();
    });

    scoped_test('messages that come when their run is over (row 52)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_consensus({ threshold: 66 }));
        await cluster.settle_votes();
        const user = await scope.login(cluster.nodes[0]);
        for (const to of [0, 1]) cluster.links.set(2, to, { held: true });
        const without_it = await ask(user, 'npl:late');
        assert.deepEqual(without_it.split('\n'), lines_of(cluster.keys().slice(0, 2), 'late'));
        // What was held is of a run that is over, and of no other.
        cluster.links.heal();
        await cluster.wait_more(1);
        await cluster.settle_votes();
        const answer = await ask(user, 'npl:now');
        assert.deepEqual(answer.split('\n'), lines_of(cluster.keys(), 'now'));
        await cluster.check();
    });

    scoped_test('messages of the largest size, to all members', async (scope) => {
        const cluster = await Cluster.start(scope, 3, {
            ...with_consensus({}),
            contract: gatherers(3),
        });
        const user = await scope.login(cluster.nodes[0], { protocol: 'bson' });
        const text = 'x'.repeat(npl_bytes_max);
        const answer = await ask(user, text);
        assert.deepEqual(answer.split('\n'), lines_of(cluster.keys(), text));
        await cluster.check();
    });

    scoped_test('the nodes of the SDK example throw one number', async (scope) => {
        const cluster = await Cluster.start(scope, 3, {
            ...with_consensus({ roundtime: 1000 }),
            contract: native_contract('npl_contract'),
        });
        const user = await scope.login(cluster.nodes[1]);
        const numbers = [await ask(user, 'roll'), await ask(user, 'roll')];
        assert.notEqual(numbers[0], numbers[1]);
        for (const number of numbers) assert.match(number, /[0-9a-f]{4,16}/);
        await cluster.check();
    });
});

describe('cluster: rounds that differ', () => {
    scoped_test('15.83 one output differs everywhere: no input is lost', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_consensus({}));
        for (const [at, node] of cluster.nodes.entries()) {
            fs.writeFileSync(private_file(node, 'chance.txt'), `${at}`);
        }
        const [strange, other] = [
            await scope.login(cluster.nodes[0]),
            await scope.login(cluster.nodes[1]),
        ];
        const texts = ['read:../chance.txt', 'append:log.txt=mine'];
        const [odd, even] = [
            await strange.submit(texts[0]),
            await other.submit(texts[1]),
        ];
        await strange.wait_accepted(odd.hash, { from: odd.from });
        await other.wait_accepted(even.hash, { from: even.from });
        // Later rounds are as if nothing had been.
        const answer = await ask(other, 'read:log.txt');
        assert.equal(answer, 'mine\n');
        for (const node of cluster.nodes) {
            await node.wait_log(/nodes disagree .*outputs are dropped .*the state of most/);
        }
        const ledgers = await cluster.check();
        const hashes = ledgers.flatMap((ledger) => ledger.inputs).map((input) => input.hash);
        for (const { hash } of [odd, even]) {
            assert.equal(hashes.filter((item) => item === hash).length, 1);
        }
    });

    scoped_test('15.84 a contract of 600 ms at roundtime 2000', async (scope, context) => {
        const cluster = await Cluster.start(scope, 3, with_consensus({ roundtime: 2000 }));
        const user = await scope.login(cluster.nodes[0]);
        user.subscribe('ledger_event');
        const first = await user.next_ledger();
        const texts = ['sleep:600', 'sleep:600', 'sleep:600'];
        for (const text of texts) assert.equal(await ask(user, text), 'slept');
        const times = [];
        const { ledger_seq_no } = await user.lcl();
        for (let seq_no = first.seq_no; seq_no <= ledger_seq_no; seq_no += 1) {
            times.push((await user.query(seq_no)).results[0].timestamp);
        }
        const steps = times.slice(1).map((time, at) => time - times[at]);
        context.diagnostic(`ms from ledger to ledger: ${steps}`);
        assert.ok(median(steps) > 1000 && median(steps) < 6000, `${steps}`);
        await cluster.check();
    });

    scoped_test('a node with another state is repaired, the others go on', async (scope) => {
        const cluster = await Cluster.start(scope, 5, with_consensus({ roundtime: 250 }));
        const odd = cluster.nodes[3];
        fs.writeFileSync(private_file(odd, 'odd.txt'), 'odd');
        const user = await scope.login(cluster.nodes[0]);
        const calls = each('save:seen.txt=read:../odd.txt', 'append:log.txt=done');
        const built = await user.submit(calls);
        await user.wait_accepted(built.hash, { from: built.from });
        const output = await user.wait_output('done', { from: built.from });
        assert.equal(output.unl_sig.length, 4, 'who had another result signed another one');
        await odd.wait_log(/fetching the agreed state from peers/);
        await cluster.check();
        const seen = fs.readFileSync(`${odd.state_dir}/seen.txt`, 'utf8');
        assert.match(seen, /error:ENOENT/, 'what the others had');
        // And then it is one of them again.
        const again = await user.echo('append:log.txt=again', { expected: 'again' });
        assert.equal(again.output.unl_sig.length, 5);
    });
});
