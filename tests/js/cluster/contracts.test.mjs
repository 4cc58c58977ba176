// SPDX-License-Identifier: Apache-2.0
//
// Contracts that take long, hang, crash, or leave something else on one node than on the others;
// configurations that must not be; and what readers see while a node fetches the state. "Row" is a
// row of the list of faults that the design of consensus is measured by.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe } from 'node:test';

import { Cluster, seq_of, status_of, wait_status, wipe } from '../lib/cluster.mjs';
import { answer_of, start_users } from '../lib/cluster_users.mjs';
import { ask_read, each, private_file, shell_contract } from '../lib/contract_kit.mjs';
import { native_contract } from '../lib/node.mjs';
import { scaled } from '../lib/scale.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, sleep, until, within } from '../lib/util.mjs';

const roundtime = 250;
const exec_timeout_ms = 1500;
const reading_pause_ms = 40;
const reading_timeout_ms = 1000;
const joining_bytes = scaled({ usual: 24 * 1024 * 1024, full: 1024 * 1024 * 1024 });
const joining_timeout_ms = scaled({ usual: 60000, full: 600000 });

const settings = (threshold, contract = {}) => ({
    config: { contract: { consensus: { mode: 'public', threshold, roundtime }, ...contract } },
});

/** Submits and waits until it is in a ledger; its number. */
async function accepted(user, text) {
    const built = await user.submit(text);
    return (await user.wait_accepted(built.hash, { from: built.from })).ledger_seq_no;
}

/** Every node's contract has come to the end of its run of that ledger. */
const ran = (cluster, seq_no) => cluster.wait_ledger(seq_no + 2);

describe('cluster: contracts', () => {
    scoped_test('runs of half a round, two and ten rounds (row 23)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, settings(80));
        const users = start_users(cluster, { nodes: cluster.nodes.slice(1) });
        const user = await scope.login(cluster.nodes[0]);
        for (const rounds of [0.5, 2, 10]) {
            await user.echo(`sleep:${rounds * roundtime}`, { expected: 'slept' });
        }
        for (const steady of users) await steady.finish();
        await cluster.wait_more(3);
        await cluster.check({ users });
    });

    scoped_test('a run that hangs on one node (row 24)', async (scope) => {
        const limits = { round_limits: { exec_timeout: exec_timeout_ms } };
        const cluster = await Cluster.start(scope, 3, settings(66, limits));
        const [odd, ...others] = cluster.nodes;
        for (const node of others) fs.writeFileSync(private_file(node, 'gate'), 'open');
        const user = await scope.login(others[0]);
        const seq_no = await accepted(user, each('await:../gate', 'append:log.txt=kept'));
        await ran(cluster, seq_no);
        await odd.wait_log(/fetching the agreed state from peers/);
        await cluster.check();
        assert.equal(fs.readFileSync(`${odd.state_dir}/log.txt`, 'utf8'), 'kept\n');
    });

    scoped_test('a run that hangs on all nodes (row 24)', async (scope) => {
        const limits = { round_limits: { exec_timeout: exec_timeout_ms } };
        const cluster = await Cluster.start(scope, 3, settings(80, limits));
        const user = await scope.login(cluster.nodes[0]);
        await user.echo('append:log.txt=before', { expected: 'before' });
        await ran(cluster, await accepted(user, each('append:log.txt=meanwhile', 'hang')));
        await user.echo('append:log.txt=after', { expected: 'after' });
        const ledgers = await cluster.check();
        for (const { state_dir } of cluster.nodes) {
            // What it wrote until it was killed is its state, the same everywhere.
            const text = fs.readFileSync(`${state_dir}/log.txt`, 'utf8');
            assert.equal(text, 'before\nmeanwhile\nafter\n');
        }
        assert.equal(ledgers.flatMap(({ inputs }) => inputs).length, 3, 'accepted all the same');
    });

    scoped_test('runs that end badly, half of it written (row 25)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, settings(80));
        const users = start_users(cluster, { nodes: cluster.nodes.slice(1) });
        const user = await scope.login(cluster.nodes[0]);
        for (const end of ['crash', 'exit:1', 'halfframe', 'crash']) {
            await ran(cluster, await accepted(user, each('append:other.txt=half', end)));
        }
        await user.echo('append:other.txt=whole', { expected: 'whole' });
        await cluster.check({ users });
    });

    scoped_test('two of five leave another state, then all of them (row 26)', async (scope) => {
        // Leaders wait for all five results, but no longer than a roundtime.
        const consensus = { mode: 'public', threshold: 80, roundtime: 1500 };
        const cluster = await Cluster.start(scope, 5, settings(80, { consensus }));
        const user = await scope.login(cluster.nodes[0]);
        for (const node of cluster.nodes.slice(3)) {
            fs.writeFileSync(private_file(node, 'odd.txt'), 'odd');
        }
        await ran(cluster, await accepted(user, 'save:seen.txt=read:../odd.txt'));
        await cluster.settle();
        const seen = fs.readFileSync(`${cluster.nodes[4].state_dir}/seen.txt`, 'utf8');
        assert.match(seen, /error:ENOENT/, 'what most had');
        for (const [at, node] of cluster.nodes.entries()) {
            fs.writeFileSync(private_file(node, 'odd.txt'), `${at}`);
        }
        await ran(cluster, await accepted(user, 'save:seen.txt=read:../odd.txt'));
        await cluster.settle();
        const unchanged = fs.readFileSync(`${cluster.nodes[4].state_dir}/seen.txt`, 'utf8');
        assert.equal(unchanged, seen, 'no state had enough votes, so that of before');
        for (const node of cluster.nodes) {
            for (const what of ['of most', 'before it']) {
                await node.wait_log(new RegExp(`nodes disagree .*state ${what}`));
            }
        }
        const ledgers = await cluster.check();
        assert.equal(ledgers.flatMap(({ inputs }) => inputs).length, 2);
    });

    scoped_test('states that change back and forth, not on all nodes (row 26)', async (scope) => {
        // With every ledger, until there is a file ../rest. A node with a file ../odd stays where
        // it was, so that its state is the agreed one of a moment before, or has its own.
        const contract = shell_contract(
            [
                '[ -e ../rest ] && exit 0',
                'read -r turn <turn || turn=b',
                '[ "$turn" = a ] && next=b || next=a',
                'if [ -s ../odd ]; then next=$(cat ../odd)',
                'elif [ -e ../odd ]; then next=$turn; fi',
                'echo "$next" >turn',
            ].join('\n'),
        );
        const cluster = await Cluster.start(scope, 5, { ...settings(80), contract });
        await cluster.wait_more(2);
        const phases = [];
        for (const odd of [[4], [3], [0, 1], range(5)]) {
            const nodes = odd.map((at) => cluster.nodes[at]);
            const from = nodes.map((node) => node.log_text().length);
            for (const [at, node] of nodes.entries()) {
                fs.writeFileSync(private_file(node, 'odd'), nodes.length === 5 ? `${at}` : '');
            }
            const first = (await cluster.wait_more(2)) + 1; // whose runs were as odd as this
            const last = await cluster.wait_more(5);
            phases.push({ odd, first, last });
            for (const [at, node] of nodes.entries()) {
                const options = { from: from[at] };
                await node.wait_log(/fetching the agreed state|nodes disagree/, options);
                fs.rmSync(private_file(node, 'odd'));
            }
        }
        for (const node of cluster.nodes) fs.writeFileSync(private_file(node, 'rest'), '');
        const ledgers = await cluster.check();
        for (const { odd, first, last } of phases) {
            const hashes = ledgers.slice(first, last).map(({ state_hash }) => state_hash);
            const states = new Set(hashes).size;
            const what = `ledgers ${first} to ${last}, odd ${odd}: ${hashes}`;
            // With two of five the leader may know two results of either kind: none is most then.
            if (odd.length === 1) assert.equal(states, 2, what);
            if (odd.length === 5) assert.equal(states, 1, what);
        }
    });

    scoped_test('files at other places, twice, or empty on one node (row 28)', async (scope) => {
        const odd_things = {
            moved: 'mv a/f b/f',
            twice: 'cp a/f a/g && cp a/f b/g',
            empty: ': >a/empty',
            directory: 'mkdir a/none',
        };
        const cases = Object.entries(odd_things).map(([what, how]) => `${what}) ${how} ;;`);
        const contract = shell_contract(
            [
                'mkdir -p a b',
                '[ -e a/f ] || [ -e b/f ] || echo content >a/f',
                '[ -e ../odd ] || exit 0',
                `case $(cat ../odd) in ${cases.join(' ')} esac`,
            ].join('\n'),
        );
        const cluster = await Cluster.start(scope, 3, { ...settings(66), contract });
        await cluster.wait_more(2);
        const [node] = cluster.nodes.slice(-1);
        for (const what of Object.keys(odd_things)) {
            const from = node.log_text().length;
            fs.writeFileSync(private_file(node, 'odd'), what);
            await node.wait_log(/fetching the agreed state from peers/, { from });
            fs.rmSync(private_file(node, 'odd'));
            await cluster.wait_more(1);
            await cluster.settle();
        }
        await cluster.check();
    });
});

describe('cluster: configurations that must not be', () => {
    scoped_test('a patch.cfg that makes no sense (row 49)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, settings(80));
        const user = await scope.login(cluster.nodes[0]);
        const patch = JSON.parse(fs.readFileSync(cluster.nodes[0].patch_path, 'utf8'));
        for (const text of [
            '{ "version": ',
            JSON.stringify({ ...patch, unl: [] }),
            JSON.stringify({ ...patch, consensus: { ...patch.consensus, threshold: 0 } }),
            JSON.stringify({ ...patch, consensus: { ...patch.consensus, roundtime: -5 } }),
        ]) {
            const from = cluster.nodes.map((node) => node.log_text().length);
            await ran(cluster, await accepted(user, `patchraw:${text}`));
            for (const [at, node] of cluster.nodes.entries()) {
                await node.wait_log(/patch\.cfg is invalid; the old/, { from: from[at] });
                const { consensus } = await status_of(node);
                assert.equal(consensus.unl, 3, node.name);
                assert.equal(consensus.roundtime_ms, roundtime, node.name);
            }
        }
        await cluster.kill();
        await cluster.run();
        await cluster.wait_more(2);
        await cluster.check();
    });

    scoped_test('an operator who changes it on one node (row 50)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, settings(66));
        const users = start_users(cluster);
        await cluster.wait_more(2);
        const [node] = cluster.nodes.slice(-1);
        await node.kill();
        const patch = JSON.parse(fs.readFileSync(node.patch_path, 'utf8'));
        patch.consensus.roundtime = 111;
        fs.writeFileSync(node.patch_path, JSON.stringify(patch));
        node.edit_config({ contract: { consensus: { roundtime: 111 } } });
        await node.run();
        await cluster.wait_more(3);
        await cluster.settle();
        await wait_status(node, ({ consensus }) => consensus.roundtime_ms === roundtime);
        await cluster.check({ users });
    });

    scoped_test('an operator who changes it on all nodes (row 50)', async (scope) => {
        const cluster = await Cluster.start(scope, 5, settings(80)); // four have to vote
        const members = [...cluster.nodes];
        await cluster.wait_more(1);
        const [behind] = members;
        await behind.stop();
        const before = await cluster.wait_more(2); // so they do not all stand at the same ledger
        await Promise.all(members.slice(1).map((node) => node.stop()));
        for (const node of members) {
            node.edit_config({ contract: { consensus: { roundtime: 222, threshold: 60 } } });
        }
        await cluster.run(members);
        const users = start_users(cluster);
        for (const node of members) {
            await wait_status(node, (status) => status.consensus.roundtime_ms === 222);
            assert.equal(node.read_config().contract.consensus.threshold, 60, node.name);
        }
        // It is in force: three are enough now.
        const after = await cluster.wait_more(1);
        const away = members.slice(-2);
        await Promise.all(away.map((node) => node.kill()));
        await cluster.wait_more(3);
        await cluster.run(away);
        await cluster.wait_more(2);
        // One ledger brought it.
        const ledgers = await cluster.check({ users });
        const configs = ledgers.map((ledger) => ledger.config_hash);
        const is_change = (at) => at > 0 && configs[at] !== configs[at - 1];
        const changes = range(configs.length).filter(is_change);
        assert.equal(changes.length, 1, `${changes}`);
        assert.ok(before <= changes[0] && changes[0] < after, `ledger ${changes[0] + 1}`);
        for (const node of cluster.nodes) {
            const { code, stdout, stderr } = await node.command('ledger verify');
            assert.equal(code, 0, `${node.name}: ${stdout} ${stderr}`);
        }
    });

    scoped_test('the rest of a cluster that lost too many for good goes on', async (scope) => {
        const cluster = await Cluster.start(scope, 4, settings(75)); // three have to vote
        await cluster.wait_more(2);
        const lost = cluster.nodes.splice(2);
        await Promise.all(lost.map((node) => node.kill()));
        const left = cluster.nodes;
        const stand_together = async () => {
            const [one, other] = await Promise.all(left.map(status_of));
            return seq_of(one) === seq_of(other) && one.consensus.vote_status === 'unreliable';
        };
        await until(stand_together, { what: 'the same last ledger' });
        await Promise.all(left.map((node) => node.stop()));
        for (const node of left) {
            node.edit_config({ contract: { unl: cluster.keys() } });
            const { code, stderr } = await node.command('impose');
            assert.equal(code, 0, stderr);
        }
        await cluster.run();
        const users = start_users(cluster);
        await cluster.wait_more(3);
        await cluster.check({ users });
    });
});

/** Reads a file that only grows, until told to stop; all that it was seen to be. */
async function keep_reading(scope, node, going) {
    const seen = [];
    while (going()) {
        try {
            const client = await scope.login(node, { protocol: 'bson' });
            for (; going(); await sleep(reading_pause_ms)) {
                const answer = ask_read(client, 'read:log.txt');
                seen.push(await within(answer, reading_timeout_ms, 'an answer'));
            }
            await client.close();
        } catch {
            await sleep(50); // the node is away, or has no contract that could answer
        }
    }
    return seen;
}

describe('cluster: while a node fetches the state', () => {
    scoped_test('readers see it as it was after some ledger (row 53)', async (scope) => {
        const cluster = await Cluster.start(scope, 3, settings(66));
        const users = start_users(cluster, { nodes: cluster.nodes.slice(0, 2) });
        await cluster.wait_more(2);
        const victim = cluster.nodes[2];
        let going = true;
        scope.at_end(() => (going = false));
        const readers = cluster.nodes.map((node) => keep_reading(scope, node, () => going));
        for (const lost of [false, true]) {
            await victim.kill();
            if (lost) wipe(victim);
            await cluster.wait_more(3);
            await victim.run();
            await cluster.wait_ledger(seq_of(await status_of(cluster.nodes[0])));
            await cluster.settle_votes();
        }
        await sleep(500);
        going = false;
        const seen = (await Promise.all(readers)).map((texts) => new Set(texts));
        const sizes = seen.map((texts) => texts.size);
        await cluster.check({ users, answer_of });
        const last = fs.readFileSync(`${victim.state_dir}/log.txt`, 'utf8');
        for (const text of seen.flatMap((texts) => [...texts])) {
            const is_whole = text === 'error:ENOENT' || (last.startsWith(text) && /\n$/.test(text));
            assert.ok(is_whole, `"${text.slice(-80)}" was never the content`);
        }
        assert.ok(Math.min(...sizes) > 0 && Math.max(...sizes) > 5, `too few answers: ${sizes}`);
    });

    const mib = joining_bytes / 1024 / 1024;
    scoped_test(
        `a new node gets ${mib} MiB that change with every ledger (row 45)`,
        async (scope, context) => {
            const contract = native_contract('posix_contract');
            const cluster = await Cluster.start(scope, 3, { ...settings(66), contract });
            const user = await scope.login(cluster.nodes[0], { protocol: 'bson' });
            await user.echo(`make:big:${joining_bytes}`, { expected: 'ok' });
            let going = true;
            scope.at_end(() => (going = false));
            let changes = 0;
            const changing = (async () => {
                for (; going; changes += 1) {
                    const text = `put:big:${(changes * 70000) % joining_bytes}=1000`;
                    await accepted(user, text);
                }
            })();
            changing.catch(() => {}); // awaited below
            const newcomer = await cluster.make_newcomer();
            const started_ms = Date.now();
            const first = seq_of(await status_of(cluster.nodes[0]));
            await newcomer.run();
            await until(
                async () => {
                    const [there, here] = [
                        await status_of(cluster.nodes[0]),
                        await status_of(newcomer),
                    ];
                    return here.contract.state_root === there.contract.state_root;
                },
                { timeout_ms: joining_timeout_ms, what: 'the state of a node that joins' },
            );
            const last = seq_of(await status_of(cluster.nodes[0]));
            context.diagnostic(
                `${Date.now() - started_ms} ms, ${last - first} ledgers, ${changes} changes`,
            );
            going = false;
            await changing;
            await cluster.check();
        },
        { timeout: joining_timeout_ms + 60000 },
    );
});
