// SPDX-License-Identifier: Apache-2.0
//
// contract.warm_start: processes that wait for their run make no difference but to the time. What
// they did too early is undone, and they end with their node.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { script_contract } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { until } from '../lib/util.mjs';

const starts = { warm: true, cold: false };

/** Slow enough that a process can be started between two ledgers. */
const config = (warm_start, more = {}) => ({
    log: { log_level: 'dbg' },
    contract: { warm_start, consensus: { roundtime: 500 }, ...more },
});

/** `kind` is "contract" for runs of ledgers, "read" for requests. */
const ahead_count = (node, kind) =>
    node.log_text().split('\n').filter((line) => {
        return line.includes(` ${kind} run `) && line.includes('ahead=true');
    }).length;

const waiting = (node) => node.contract_processes();

const one_waits = (node) =>
    until(() => waiting(node).length === 1, { what: 'a process that waits for the next run' });

/** Every effect a run can have, a few at a time. */
const script = [
    ['hello', 'multi:3', 'none'],
    ['write:a.txt=one', 'append:log.txt=first', 'read:a.txt', 'args'],
    ['private:secret', 'big:200000', 'memfdwrite'],
    ['exit:7'],
    ['append:log.txt=before', 'crash'],
    ['raw:00ff01', 'append:log.txt=second', 'read:log.txt', 'read:../private.txt'],
    ['halfframe'],
    ['write:a.txt=two', 'npl:message', 'read:crash.txt'],
];

/** Plays the script; what the user saw, and the state after it. */
async function play(scope, node) {
    const user = await scope.login(node);
    user.subscribe('ledger_event');
    const seen = [];
    for (const texts of script) {
        await user.next_ledger();
        const max = await user.farthest_ledger();
        const built = [];
        for (const text of texts) built.push(await user.submit(text, { max }));
        let last = 0;
        for (const one of built) {
            last = Math.max(last, (await user.wait_accepted(one.hash)).ledger_seq_no);
        }
        await user.next_ledger({ from: 0, where: (ledger) => ledger.seq_no > last });
    }
    for (const { msg } of user.messages('contract_output')) {
        // The node's own key is part of what NPL tells.
        seen.push(...msg.outputs.map((text) => String(text).replaceAll(/ed[0-9a-f]{64}/g, 'key')));
    }
    await node.stop();
    return { seen, state: state_root_hex(node.state_dir) };
}

describe('recovery: warm start', { concurrency: true }, () => {
    scoped_test('outputs and state are the same with and without', async (scope) => {
        const [warm, cold] = await Promise.all(
            Object.entries(starts).map(async ([name, warm_start]) => {
                const node = await scope.start_node({ name, config: config(warm_start) });
                const result = await play(scope, node);
                assert.equal(ahead_count(node, 'contract') > 0, warm_start, 'processes were used');
                return result;
            }),
        );
        assert.ok(cold.seen.length > script.length);
        assert.deepEqual(warm, cold);
    });

    scoped_test('a contract on the Node.js library: inputs and reads', async (scope) => {
        const contract = script_contract('echo.js', { modules: ['hotpocket-nodejs-contract'] });
        const node = await scope.start_node({ config: config(true), contract });
        const user = await scope.login(node);
        for (let at = 0; ahead_count(node, 'contract') < 4; at += 1) {
            assert.ok(at < 100, 'runs use processes that wait');
            await one_waits(node);
            await user.submit(`input ${at}`);
            await user.wait_output(`input ${at}`);
        }
        for (let at = 0; ahead_count(node, 'read') < 3; at += 1) {
            assert.ok(at < 100, 'reads use processes that wait');
            user.read(`r${at}`, `read ${at}`);
            const { msg } = await user.wait((message) => message.reply_for === `r${at}`);
            assert.equal(msg.content, `read ${at}`);
        }
    });

    scoped_test('what a contract does too early is undone', async (scope) => {
        const contract = script_contract('early_writer.js');
        const node = await scope.start_node({ config: config(true), contract });
        const user = await scope.login(node);
        await node.wait_log(/not started ahead of its runs any more/);
        user.subscribe('ledger_event');
        await user.next_ledger();
        const { seq_no, state_hash } = await user.next_ledger();
        await node.stop();
        assert.equal(node.log_text().match(/not started ahead/g).length, 1);
        // Every ledger has one run behind it, and every run adds one line.
        const lines = 'x\n'.repeat(seq_no - 1);
        fs.writeFileSync(path.join(node.state_dir, 'early.txt'), lines);
        assert.equal(state_root_hex(node.state_dir), state_hash);
    });

    scoped_test('a changed configuration is in force for the next run', async (scope) => {
        const node = await scope.start_node({ config: config(true) });
        const user = await scope.login(node);
        await one_waits(node);
        const built = await user.submit('patch:bin_args=changed');
        const { ledger_seq_no } = await user.wait_accepted(built.hash);
        user.subscribe('ledger_event');
        await user.next_ledger({ from: 0, where: (ledger) => ledger.seq_no > ledger_seq_no });
        await one_waits(node);
        await user.submit('args');
        await user.wait_output('probe_contract\nchanged');
    });

    scoped_test('a waiting process ends with its node', async (scope) => {
        const node = await scope.start_node({ config: config(true) });
        const user = await scope.login(node);
        await user.submit('append:log.txt=line');
        await user.wait_output('line');
        for (const signal of ['SIGKILL', 'SIGTERM']) {
            await one_waits(node);
            await node.stop(signal);
            assert.deepEqual(await node.await_no_leftovers(), [], signal);
            await node.run();
        }
        const again = await scope.login(node, { keys: user.keys });
        again.read('r', 'read:log.txt');
        const { msg } = await again.wait('contract_read_response');
        assert.equal(msg.content, 'line\n');
    });
});
