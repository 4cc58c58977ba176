// SPDX-License-Identifier: Apache-2.0
//
// Section 15, tests 39-46: how runs end, by themselves and by their limits.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe } from 'node:test';

import {
    ask,
    ask_in,
    ask_read,
    await_ledger,
    each,
    idle_ledgers,
    ledger_of,
    login,
    node_pool,
    run_line,
    start_node,
    tests_at_once,
} from '../lib/contract_kit.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, until } from '../lib/util.mjs';

const exec_timeout_ms = 2000;
// Far less than the minute that the probe sleeps; a busy machine takes its time.
const kill_slack_ms = 20000;
const npl_packet_bytes = 131072;
const npl_packets = 24; // 3 MB
const unread_npl = `nplflood:${npl_packets}:${npl_packet_bytes}`;
const open_files_max = 8;
const crowd = 10;

const note_ledger = '#!/bin/sh\necho "$1" >>post.txt\n';
const limits = (fields) => ({ config: { contract: { round_limits: fields } } });

const nodes = node_pool({
    'log off': limits({ exec_timeout: exec_timeout_ms }),
    'log on': {
        config: {
            contract: {
                log: { enable: true },
                round_limits: { exec_timeout: exec_timeout_ms },
            },
        },
    },
    cpu: limits({ proc_cpu_seconds: 1 }),
    memory: limits({ proc_mem_bytes: 100 * 1024 * 1024 }),
    files: limits({ proc_ofd_count: open_files_max }),
});

function await_no_processes(node) {
    return until(() => node.contract_processes().length === 0, {
        what: `end of all contract processes, now ${node.contract_processes()}`,
    });
}

describe('15 ends', tests_at_once, () => {
    after(() => nodes.dispose());

    // Capturing what a contract prints changes nothing of how its runs end.
    for (const [log, enable] of Object.entries({ 'log off': false, 'log on': true })) {
        const captured = { config: { contract: { log: { enable } } } };

        scoped_test(
            `15.39 an exit code is a success: outputs, state, post_exec (${log})`,
            async (scope) => {
                const node = await start_node(scope, captured);
                const user = await login(scope, node);
                const script = `script:post_exec.sh=${note_ledger}`;
                const { texts, status } = await ask(
                    user,
                    each('append:kept.txt=kept', script, 'exit:7'),
                );
                assert.deepEqual(texts, ['kept', 'ok']);
                const { ledger_seq_no, ledger_hash } = status;
                assert.equal(await ask_read(user, 'read:kept.txt'), 'kept\n');
                const note = `${ledger_seq_no} ${ledger_hash}\n`;
                assert.equal(await ask_read(user, 'read:post.txt'), note);
                assert.equal(await ask_read(user, 'read:post_exec.sh'), 'error:ENOENT');
                const run = await run_line(node, ledger_seq_no);
                assert.deepEqual([run.end, run.code], ['exited', '7']);
            },
        );

        scoped_test(
            `15.40 a crash: the files stay, post_exec.sh is not run (${log})`,
            async (scope) => {
                const node = await start_node(scope, captured);
                const user = await login(scope, node);
                const script = `script:post_exec.sh=${note_ledger}`;
                const call = each(script, 'echo:kept', 'crash', 'echo:no');
                const { texts, seq_no } = await ask(user, call);
                assert.deepEqual(texts, ['ok', 'kept']);
                assert.match(
                    await ask_read(user, 'read:crash.txt'),
                    /^written before the crash\n$/,
                );
                // The run of the next ledger succeeds, and that one has the script run.
                await await_ledger(user, seq_no + 3);
                const next = await ledger_of(user, seq_no + 1);
                assert.equal(
                    await ask_read(user, 'read:post.txt'),
                    `${next.seq_no} ${next.hash}\n`,
                );
                const run = await run_line(node, seq_no);
                assert.deepEqual([run.end, run.code], ['signaled', '11']);
            },
        );

        scoped_test(`15.41 exec_timeout ends a run and its processes (${log})`, async (scope) => {
            const node = await nodes.get(log);
            const user = await login(scope, node);
            const built = await user.submit(each('append:kept.txt=kept', 'stubborn'));
            const { ledger_seq_no } = await user.wait_accepted(built.hash);
            await user.wait_output('kept', { from: built.from });
            await await_no_processes(node);
            const { end, wall_ms } = await run_line(node, ledger_seq_no);
            assert.equal(end, 'timed_out');
            assert.ok(wall_ms >= exec_timeout_ms, `killed after ${wall_ms} ms`);
            assert.ok(wall_ms < exec_timeout_ms + kill_slack_ms, `killed after ${wall_ms} ms`);
            assert.equal(await ask_read(user, 'read:kept.txt'), 'kept\n');
            assert.equal(await ask_read(user, 'read:stubborn.txt'), 'process\n'.repeat(3));
            assert.deepEqual((await ask(user, 'echo:next')).texts, ['next']);
        });

        // The daemon keeps the contract's streams open.
        scoped_test(`15.42 a daemon does not outlive its run (${log})`, async (scope) => {
            const node = await start_node(scope, captured);
            const user = await login(scope, node);
            const { texts, seq_no } = await ask(user, 'daemon');
            assert.deepEqual(texts, ['daemon started']);
            await await_no_processes(node);
            const content = await ask_read(user, 'read:daemon.txt');
            const { state_hash } = await ledger_of(user, seq_no + 1);
            await idle_ledgers(user, 3);
            assert.equal(await ask_read(user, 'read:daemon.txt'), content);
            assert.equal((await ledger_of(user, seq_no + 3)).state_hash, state_hash);
        });
    }

    scoped_test('15.41 exec_timeout ends read requests', async (scope) => {
        const node = await start_node(scope, limits({ exec_timeout: exec_timeout_ms }));
        const user = await login(scope, node);
        const started_ms = Date.now();
        assert.equal(await ask_read(user, each('echo:before', 'stubborn')), 'before');
        await await_no_processes(node);
        const took_ms = Date.now() - started_ms;
        assert.ok(took_ms < exec_timeout_ms + kill_slack_ms, `killed after ${took_ms} ms`);
    });

    scoped_test('15.43 unread NPL does not delay the timeout', async (scope) => {
        const node = await start_node(scope, limits({ exec_timeout: exec_timeout_ms }));
        const user = await login(scope, node);
        const built = await user.submit(each(unread_npl, 'hang'));
        const { ledger_seq_no } = await user.wait_accepted(built.hash);
        await user.wait_output(`${npl_packets}`, { from: built.from });
        await node.wait_log(new RegExp(`ended abnormally.*seq=${ledger_seq_no} .*time`));
        assert.deepEqual((await ask(user, 'echo:healthy')).texts, ['healthy']);
    });

    for (const signal of ['SIGINT', 'SIGTERM']) {
        scoped_test(`15.43 unread NPL does not delay ${signal}`, async (scope) => {
            const node = await start_node(scope);
            const user = await login(scope, node);
            const sent = path.join(node.state_dir, 'sent.txt');
            const built = await user.submit(each(unread_npl, 'write:sent.txt=all', 'hang'));
            await user.wait_accepted(built.hash);
            await until(() => fs.existsSync(sent), { what: 'the end of the flood' });
            assert.deepEqual({ ...(await node.stop(signal)) }, { code: 0, signal: null });
            assert.deepEqual(await node.await_no_leftovers(), []);
        });
    }

    for (const [mode, ask_mode] of Object.entries(ask_in)) {
        scoped_test(`15.44 proc_cpu_seconds ends a busy process (${mode})`, async (scope) => {
            const node = await nodes.get('cpu');
            const user = await login(scope, node);
            assert.equal(await ask_mode(user, each('echo:before', 'spin')), 'before');
            await await_no_processes(node);
            if (mode === 'consensus run') {
                await node.wait_log(/ended abnormally.*(SIGKILL|signal 9)/);
            }
            assert.equal(await ask_mode(user, 'echo:next'), 'next');
            const limit = await ask_mode(user, 'read:/proc/self/limits');
            assert.match(limit, /^Max cpu time +1 +1 +seconds/m);
        });

        scoped_test(`15.45 proc_mem_bytes lets an allocation fail (${mode})`, async (scope) => {
            const user = await login(scope, await nodes.get('memory'));
            assert.equal(await ask_mode(user, 'alloc:300'), 'error:ENOMEM');
            assert.equal(await ask_mode(user, 'alloc:50'), 'ok');
        });

        scoped_test(`15.46 proc_ofd_count limits files, not channels (${mode})`, async (scope) => {
            const node = await nodes.get('files');
            // More outputs than descriptors may be opened.
            const users = await Promise.all(range(crowd).map(() => login(scope, node)));
            await idle_ledgers(users[0], 2);
            await Promise.all(
                users.map(async (user) => {
                    const document = JSON.parse(await ask_mode(user, 'context'));
                    assert.ok(user.keys.hex in document.users);
                    const opened = await ask_mode(user, `openfiles:${2 * open_files_max}`);
                    const [count, end] = opened.split(' ');
                    assert.equal(end, 'EMFILE');
                    assert.ok(Number(count) < open_files_max, opened);
                }),
            );
            if (mode === 'consensus run') {
                const { texts } = await ask(users[0], 'npl:hi');
                assert.deepEqual(texts, [`${node.cfg.node.public_key}:hi`]);
            }
        });
    }
});
