// SPDX-License-Identifier: Apache-2.0
//
// Section 15, tests 72-75, 78 and 82: post_exec.sh, and the log of what a contract prints.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import {
    ask,
    ask_read,
    await_ledger,
    each,
    idle_ledgers,
    ledger_of,
    login,
    private_file,
    shell_contract,
    start_node,
    tests_at_once,
    wait_private,
} from '../lib/contract_kit.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { config_root_hex } from '../lib/state_hash.mjs';
import { until } from '../lib/util.mjs';

const exec_timeout_ms = 1000;
const mebibyte = 1024 * 1024;
const printed_bytes = 1_100_000;
const printing_runs = 5;

const script = (...lines) => `script:post_exec.sh=${['#!/bin/sh', ...lines, ''].join('\n')}`;
const note_run = 'echo "$1" >>post.txt';

/** The lines that the scripts of the ledgers `from` to `to` leave in post.txt. */
async function notes_of(user, from, to) {
    const notes = [];
    for (let at = from; at <= to; at += 1) {
        const { seq_no, hash } = await ledger_of(user, at);
        notes.push(`${seq_no} ${hash}`);
    }
    return notes;
}

const lines_of = async (user, name) => (await ask_read(user, `read:${name}`)).trim().split('\n');

describe('15 post_exec.sh', tests_at_once, () => {
    scoped_test('15.72 exit code 0: removed, the outputs are kept', async (scope) => {
        const node = await start_node(scope);
        const user = await login(scope, node);
        const { texts, seq_no } = await ask(user, each(script(note_run, 'exit 0'), 'echo:kept'));
        assert.deepEqual(texts, ['ok', 'kept']);
        await await_ledger(user, seq_no + 3);
        assert.deepEqual(await lines_of(user, 'post.txt'), await notes_of(user, seq_no, seq_no));
        assert.equal(await ask_read(user, 'read:post_exec.sh'), 'error:ENOENT');
        // Its removal is part of the state of that run.
        const first = await ledger_of(user, seq_no + 1);
        const later = await ledger_of(user, seq_no + 3);
        assert.equal(later.state_hash, first.state_hash);
    });

    for (const code of [3, 125]) {
        scoped_test(`15.72 exit code ${code}: kept, and run again`, async (scope) => {
            const node = await start_node(scope);
            const user = await login(scope, node);
            const call = each(script(note_run, `exit ${code}`), 'echo:kept');
            const { texts, seq_no } = await ask(user, call);
            assert.deepEqual(texts, ['ok', 'kept']);
            await await_ledger(user, seq_no + 3);
            assert.match(await ask_read(user, 'read:post_exec.sh'), /^#!/);
            const lines = await lines_of(user, 'post.txt');
            assert.ok(lines.length >= 3);
            assert.deepEqual(lines, await notes_of(user, seq_no, seq_no + lines.length - 1));
        });
    }

    const failures = {
        'exit code 1': ['exit 1'],
        'exit code 2': ['exit 2'],
        'exit code 126': ['exit 126'],
        'exit code 200': ['exit 200'],
        'a signal': ['kill -9 $$'],
    };
    for (const [name, lines] of Object.entries(failures)) {
        scoped_test(`15.72 ${name}: logged, kept, without outputs`, async (scope) => {
            const node = await start_node(scope);
            const user = await login(scope, node);
            const call = each(script(note_run, ...lines), 'append:kept.txt=x', 'echo:dropped');
            const built = await user.submit(call);
            const { ledger_seq_no: seq_no } = await user.wait_accepted(built.hash);
            await node.wait_log(new RegExp(`\\[err\\].*post_exec.sh failed.*seq=${seq_no} `));
            await await_ledger(user, seq_no + 3);
            assert.deepEqual(user.messages('contract_output'), []);
            assert.equal(await ask_read(user, 'read:kept.txt'), 'x\n');
            assert.match(await ask_read(user, 'read:post_exec.sh'), /^#!/);
            const noted = await lines_of(user, 'post.txt');
            assert.ok(noted.length >= 2);
            assert.deepEqual(noted, await notes_of(user, seq_no, seq_no + noted.length - 1));
            assert.deepEqual((await ask(user, 'remove:post_exec.sh')).texts, ['ok']);
        });
    }

    for (const [log, enable] of Object.entries({ off: false, on: true })) {
        scoped_test(`15.73 arguments and environment (log ${log})`, async (scope) => {
            const node = await start_node(scope, {
                config: { contract: { log: { enable }, environment: { A: '1' } } },
            });
            const user = await login(scope, node);
            const call = script(
                'echo "$0" >../args.txt',
                'for word in "$@"; do echo "$word" >>../args.txt; done',
                'tr "\\0" "\\n" </proc/$$/environ | sort >../env.txt',
                'case "$PWD" in */state) echo state >../where.txt;; esac',
                'read -r line; echo "$line." >../stdin.txt',
                'echo to the log',
            );
            const { status } = await ask(user, call);
            const { ledger_seq_no, ledger_hash } = status;
            const read = (name) => fs.readFileSync(private_file(node, name), 'utf8').trim();
            const [program, ...args] = read('args.txt').split('\n');
            assert.match(program, /(^|\/)post_exec\.sh$/);
            assert.deepEqual(args, [`${ledger_seq_no} ${ledger_hash}`]);
            assert.equal(read('where.txt'), 'state');
            assert.equal(read('stdin.txt'), '.');
            const expected = {
                ...node.cfg.contract.environment,
                HP_LCL_SEQ_NO: ledger_seq_no,
                HP_LCL_HASH: ledger_hash,
            };
            const entries = Object.entries(expected).map(([key, value]) => `${key}=${value}`);
            assert.deepEqual(read('env.txt').split('\n'), entries.sort());
            const printed = path.join(node.dir, 'log/contract/rw.stdout.log');
            if (enable) assert.match(fs.readFileSync(printed, 'utf8'), /\nto the log\n/);
            else assert.ok(!fs.existsSync(printed));
        });
    }

    scoped_test('15.74 a script that never ends is killed, the node goes on', async (scope) => {
        const node = await start_node(scope, {
            config: { contract: { round_limits: { exec_timeout: exec_timeout_ms } } },
        });
        const user = await login(scope, node);
        const call = each(script(note_run, 'sleep 1000 &', 'sleep 1000'), 'append:kept.txt=x');
        const built = await user.submit(call);
        const { ledger_seq_no: seq_no } = await user.wait_accepted(built.hash);
        await node.wait_log(new RegExp(`\\[err\\].*post_exec.sh failed.*seq=${seq_no} .*time`));
        await await_ledger(user, seq_no + 1);
        assert.equal(await ask_read(user, 'read:kept.txt'), 'x\n');
        assert.deepEqual((await ask(user, 'remove:post_exec.sh')).texts, ['ok']);
        await until(() => node.contract_processes().length === 0, { what: 'end of its processes' });
        assert.deepEqual((await ask(user, 'echo:on')).texts, ['on']);
    });

    scoped_test('15.75 its change of patch.cfg is adopted', async (scope) => {
        const node = await start_node(scope);
        const user = await login(scope, node);
        const before = fs.readFileSync(node.patch_path);
        const { texts, seq_no } = await ask(
            user,
            script(
                `sed 's/"version": "1.0"/"version": "2.0"/' ../patch.cfg >../patch.tmp`,
                'mv ../patch.tmp ../patch.cfg',
            ),
        );
        assert.deepEqual(texts, ['ok']);
        assert.equal((await ledger_of(user, seq_no)).config_hash, config_root_hex(before));
        const patched = fs.readFileSync(node.patch_path);
        assert.equal(JSON.parse(patched).version, '2.0');
        assert.equal((await ledger_of(user, seq_no + 1)).config_hash, config_root_hex(patched));
        assert.equal((await scope.connect(node)).challenge.contract_version, '2.0');
        assert.equal(node.read_config().contract.version, '2.0');
    });

    // What the upgrader template does, without its tools: the contract leaves the new version and a
    // script that installs it.
    scoped_test('15.82 a contract replaces itself', async (scope) => {
        const node = await start_node(scope);
        const user = await login(scope, node);
        const version_two = '#!/bin/sh\necho "two $*" >../two.txt\n';
        const call = each(
            'mkdir:bundle',
            `script:bundle/contract.sh=${version_two}`,
            script(
                'set -e',
                'mkdir ../backup && mv probe_contract ../backup/',
                'mv bundle/contract.sh contract.sh && rmdir bundle',
                `sed -e 's/"version": "1.0"/"version": "2.0"/' \\`,
                `    -e 's/"bin_path": "[^"]*"/"bin_path": "contract.sh"/' \\`,
                `    -e 's/"bin_args": "[^"]*"/"bin_args": "x y"/' ../patch.cfg >../patch.tmp`,
                'mv ../patch.tmp ../patch.cfg',
            ),
        );
        const { texts } = await ask(user, call);
        assert.deepEqual(texts, ['ok', 'ok', 'ok']);
        assert.equal(await wait_private(node, 'two.txt'), 'two x y\n');
        assert.deepEqual(fs.readdirSync(node.state_dir), ['contract.sh']);
        assert.ok(fs.existsSync(private_file(node, 'backup/probe_contract')));
        const { contract } = node.read_config();
        assert.equal(`${contract.version} ${contract.bin_path}`, '2.0 contract.sh');
        const { config_hash } = await ledger_of(user, await idle_ledgers(user, 1));
        assert.equal(config_hash, config_root_hex(fs.readFileSync(node.patch_path)));
    });
});

describe('15 log of the contract', () => {
    scoped_test('15.78 rotation by size, every run under its title', async (scope) => {
        const print = `head -c ${printed_bytes} /dev/zero | tr "\\0" x`;
        const node = await start_node(scope, {
            contract: shell_contract(`${print}\necho; echo problem >&2`),
            config: {
                contract: {
                    log: { enable: true, max_mbytes_per_file: 1, max_file_count: 3 },
                },
            },
        });
        const user = await login(scope, node);
        await await_ledger(user, printing_runs);
        await node.stop();
        const directory = path.join(node.dir, 'log/contract');
        const names = fs.readdirSync(directory).sort();
        assert.deepEqual(names, [
            'rw.stderr.log',
            'rw.stdout.log',
            'rw_1.stdout.log',
            'rw_2.stdout.log',
        ]);
        const title = /^Execution lcl (\d+)-([0-9a-f]{64})$/;
        const seen = [];
        for (const name of ['rw_2.stdout.log', 'rw_1.stdout.log', 'rw.stdout.log']) {
            const text = fs.readFileSync(path.join(directory, name), 'utf8');
            assert.ok(text.length <= mebibyte + 4096, `${name} has ${text.length} bytes`);
            const lines = text.split('\n');
            assert.match(lines[0], title, name);
            for (const line of lines) {
                const found = title.exec(line);
                if (found) seen.push(Number(found[1]));
                else assert.match(line, /^x*$/);
            }
        }
        assert.ok(Math.max(...seen) >= printing_runs);
        assert.deepEqual(
            seen,
            [...seen].sort((a, b) => a - b),
        );
        const errors = fs.readFileSync(path.join(directory, 'rw.stderr.log'), 'utf8');
        const blocks = errors.trim().split(/\n(?=Execution)/);
        assert.ok(blocks.length >= printing_runs);
        for (const [at, block] of blocks.entries()) {
            const [head, ...rest] = block.split('\n');
            assert.equal(Number(title.exec(head)[1]), at + 1);
            // The last run may have been ended by SIGTERM.
            if (at < printing_runs - 1) assert.deepEqual(rest, ['problem']);
        }
    });
});
