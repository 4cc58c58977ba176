// SPDX-License-Identifier: Apache-2.0
//
// A run that ends with its node, by kill -9 or SIGTERM, never happened: the next start executes
// the same ledger again from the state before it (contract protocol, tests 76 and 77).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { identity_of } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { range, until } from '../lib/util.mjs';

const pause_ms = 400;
const lines = ['line 0', 'line 1', 'line 2'];
const interrupted_line = 1;
const restart_limit_ms = 20000;
const failure_codes = [70, 71, 72];

// `custom` with no raw shards keeps only what recovery needs.
const histories = {
    full: { history: 'full' },
    'custom, no raw shards': { history: 'custom', history_config: { max_raw_shards: 0 } },
};

const interruptions = {
    '15.76 kill -9': async (node) => {
        const exit = await node.kill();
        assert.equal(exit.signal, 'SIGKILL');
        await node.run();
    },
    '15.77 SIGTERM': async (node) => {
        const exit = await node.stop();
        assert.deepEqual({ ...exit }, { code: 0, signal: null });
        assert.deepEqual(await node.await_no_leftovers(), []);
        await node.run();
    },
    '15.77 SIGINT': async (node) => {
        const exit = await node.stop('SIGINT');
        assert.deepEqual({ ...exit }, { code: 0, signal: null });
        await node.run();
    },
    '15.76 kill -9, and again during the repetition': async (node) => {
        await node.kill();
        await node.run();
        await half_done(node, lines[interrupted_line]);
        await node.kill();
        await node.run();
    },
};

/** The live file ends with the first half of the run for `line`. */
function half_done(node, line) {
    const name = path.join(node.state_dir, 'log.txt');
    const is_there = () =>
        fs.existsSync(name) && fs.readFileSync(name, 'utf8').endsWith(`B ${line}\n`);
    return until(is_there, { every_ms: 5, what: `half of the run for "${line}"` });
}

/** Submits the lines one after the other; `interrupt` comes in the middle of one run. */
async function play(scope, node, interrupt) {
    let user = await scope.login(node);
    const { keys } = user;
    for (const [at, line] of lines.entries()) {
        const built = await user.submit(`slowappend:log.txt=${line}:${pause_ms}`);
        const accepted = await user.wait_accepted(built.hash);
        if (interrupt && at === interrupted_line) {
            await half_done(node, line);
            await interrupt(node);
            user = await scope.login(node, { keys });
            const lcl = await user.lcl();
            assert.ok(lcl.ledger_seq_no <= accepted.ledger_seq_no + 1, 'only the repetition');
        }
        const output = await user.wait_output(line);
        assert.equal(output.ledger_seq_no, accepted.ledger_seq_no + 1);
        assert.equal(output.outputs.length, 1);
    }
    return user;
}

/** What the ledgers said about the state, changes only. */
async function state_history(user) {
    user.subscribe('ledger_event');
    const last = await user.next_ledger();
    const hashes = [];
    for (const at of range(last.seq_no)) {
        const [ledger] = (await user.query(at + 1)).results;
        if (ledger.state_hash !== hashes.at(-1)) hashes.push(ledger.state_hash);
    }
    return hashes;
}

describe('recovery: interrupted runs', () => {
    let expected_history;

    scoped_test('a reference without interruption', async (scope) => {
        const node = await scope.start_node({ name: 'reference' });
        const user = await play(scope, node, null);
        expected_history = await state_history(user);
        assert.equal(expected_history.length, lines.length + 1);
        await node.stop();
        assert.equal(state_root_hex(node.state_dir), expected_history.at(-1));
    });

    for (const [history_name, history] of Object.entries(histories)) {
        for (const [name, interrupt] of Object.entries(interruptions)) {
            scoped_test(`${name}: the run is repeated (history ${history_name})`, async (scope) => {
                const node = await scope.start_node({ name, config: { node: history } });
                const user = await play(scope, node, interrupt);
                user.read('content', 'read:log.txt');
                const { msg } = await user.wait('contract_read_response');
                const once = lines.map((line) => `B ${line}\nE ${line}\n`).join('');
                assert.equal(msg.content, once);
                assert.deepEqual(await state_history(user), expected_history);

                await node.stop();
                assert.equal(state_root_hex(node.state_dir), expected_history.at(-1));
                const verified = await node.command('ledger verify');
                assert.equal(verified.code, 0, verified.stderr);
            });
        }
    }

    scoped_test('outputs that wait for their ledger survive kill -9', async (scope) => {
        // Long enough to be killed between the end of the run and the next ledger.
        const node = await scope.start_node({
            config: { contract: { consensus: { roundtime: 2500 } } },
        });
        const user = await scope.login(node);
        const built = await user.submit('append:log.txt=waiting');
        const accepted = await user.wait_accepted(built.hash);
        const deltas = path.join(node.dir, 'contract_fs', 'deltas');
        await until(() => fs.readdirSync(deltas).length > 0, { every_ms: 5, what: 'a delta' });
        await node.kill();
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        const output = await again.wait_output('waiting');
        assert.equal(output.ledger_seq_no, accepted.ledger_seq_no + 1);
        again.read('content', 'read:log.txt');
        const { msg } = await again.wait('contract_read_response');
        assert.equal(msg.content, 'waiting\n');
    });
});

describe('recovery: processes of a killed node', () => {
    for (const texts of [['hang'], ['daemon', 'hang']]) {
        const title = `restarted at once after kill -9 during "${texts}"`;
        scoped_test(`${title}: nothing of the old node is left`, async (scope) => {
            const exec_timeout = 1500;
            const node = await scope.start_node({
                config: { contract: { round_limits: { exec_timeout } } },
            });
            const user = await scope.login(node);
            await user.submit_together(texts);
            await until(() => node.contract_processes().length >= texts.length, {
                every_ms: 5,
                what: 'contract processes',
            });
            // Half a run: some ledger may hold the daemon alone.
            if (texts.includes('daemon')) {
                const ticks = path.join(node.state_dir, 'daemon.txt');
                await until(() => fs.existsSync(ticks), { every_ms: 5, what: 'the daemon' });
            }
            const old = node.leftovers().map(identity_of).filter(Boolean);
            assert.ok(old.length >= texts.length, 'contract and helpers');

            const killed_ms = Date.now();
            await node.kill();
            await node.run();
            const took_ms = Date.now() - killed_ms;
            assert.ok(took_ms < restart_limit_ms, `the restart took ${took_ms} ms`);
            const alive = new Set(node.leftovers().map(identity_of));
            assert.deepEqual(
                old.filter((identity) => alive.has(identity)),
                [],
            );
            const again = await scope.login(node, { keys: user.keys });
            await again.stat();
            await again.echo('continued');
        });
    }

    scoped_test('without the process that starts contracts the node ends', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await user.echo('hello');
        const max = await user.farthest_ledger();
        // Of the node's two helpers the first is that for ledgers.
        const children = fs.readFileSync(`/proc/${node.pid}/task/${node.pid}/children`, 'utf8');
        process.kill(Number(children.trim().split(' ')[0]), 'SIGKILL');
        const built = user.send_input(user.make_input('append:log.txt=line', { max }));
        const exit = await node.wait_exit();
        assert.ok(failure_codes.includes(exit.code), node.exit_text());
        await user.wait_closed();
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        if (user.statuses(built.hash).length === 0) again.send_input(built);
        await again.wait_output('line');
    });

    scoped_test('kill -9 of an idle node leaves nothing behind', async (scope) => {
        const node = await scope.start_node();
        await (await scope.login(node)).echo('hello');
        await node.kill();
        assert.deepEqual(await node.await_no_leftovers(), []);
    });
});
