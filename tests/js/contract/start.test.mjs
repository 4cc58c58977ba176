// SPDX-License-Identifier: Apache-2.0
//
// Section 15, tests 10-18: what a process finds when it starts.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe } from 'node:test';

import {
    ask,
    ask_in,
    ask_read,
    each,
    idle_ledgers,
    ledger_of,
    login,
    make_node,
    node_pool,
    parse_status,
    shell_contract,
    start_node,
    tests_at_once,
    wait_private,
} from '../lib/contract_kit.mjs';
import { probe_path } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';

const bin_args = 'a  b "c d"';
const expected_args = ['a', 'b', '"c', 'd"'];
const is_root = process.getuid() === 0;
const run_as_ids = [1234, 1235];

const probe_with = (fields) => ({ files: [[probe_path, 'probe_contract']], ...fields });
const arguments_node = (enable) => ({
    contract: probe_with({ bin_path: 'probe_contract', bin_args }),
    config: {
        contract: { log: { enable }, environment: { Z: 'last', A: '1', EMPTY: '', 'B b': '"$A"' } },
    },
});

const nodes = node_pool({
    // A parent that leaks a descriptor must not matter to the contract.
    plain: { inherits: ['/proc/version'] },
    'log off': arguments_node(false),
    'log on': arguments_node(true),
});

/** The answers to two texts; in a run for a ledger both are of the same run. */
async function ask_both(user, mode, first, second) {
    if (mode === 'consensus run') return (await ask(user, each(first, second))).texts;
    return [await ask_read(user, first), await ask_read(user, second)];
}

describe('15 start', tests_at_once, () => {
    after(() => nodes.dispose());

    for (const [mode, ask_mode] of Object.entries(ask_in)) {
        scoped_test(`15.10 the state directory, with patch.cfg above (${mode})`, async (scope) => {
            const node = await nodes.get('plain');
            const user = await login(scope, node);
            const directory = await ask_mode(user, 'cwd');
            assert.equal(path.basename(directory), 'state');
            const patch = await ask_mode(user, 'read:../patch.cfg');
            assert.equal(patch, fs.readFileSync(node.patch_path, 'utf8'));
        });

        for (const log of ['log off', 'log on']) {
            scoped_test(`15.11 the environment is configured (${mode}, ${log})`, async (scope) => {
                const node = await nodes.get(log);
                const lines = (await ask_mode(await login(scope, node), 'env')).split('\n');
                const configured = Object.entries(node.cfg.contract.environment);
                const expected = configured.map(([key, value]) => `${key}=${value}`).sort();
                assert.deepEqual(lines, expected);
                assert.ok(lines.includes('A=1') && lines.includes('EMPTY='));
            });

            const number = log === 'log off' ? '15.12' : '15.13';
            scoped_test(`${number} arguments split at spaces (${mode}, ${log})`, async (scope) => {
                const user = await login(scope, await nodes.get(log));
                const [program, ...args] = (await ask_mode(user, 'args')).split('\n');
                assert.equal(program, 'probe_contract');
                assert.deepEqual(args, expected_args);
            });
        }

        scoped_test(`15.16 own group, default signals (${mode})`, async (scope) => {
            const user = await login(scope, await nodes.get('plain'));
            const status = parse_status(await ask_mode(user, 'read:/proc/self/status'));
            for (const name of ['SigIgn', 'SigBlk', 'SigPnd']) {
                assert.match(status[name], /^0+$/, name);
            }
            const stat = await ask_mode(user, 'read:/proc/self/stat');
            const [pid] = stat.split(' ');
            const group = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
            assert.equal(group, pid);
        });

        scoped_test(`15.17 streams and channels, nothing else is open (${mode})`, async (scope) => {
            const user = await login(scope, await nodes.get('plain'));
            const [fds, context] = await ask_both(user, mode, 'fds', 'context');
            const { control_fd, user_in_fd, npl_fd = [], users } = JSON.parse(context);
            const outputs = Object.values(users).map(([fd]) => fd);
            const expected = [0, 1, 2, control_fd, user_in_fd, npl_fd, outputs].flat();
            const open = new Map(fds.split('\n').map((line) => line.split(/ (.*)/)));
            assert.deepEqual(
                [...open.keys()].map(Number),
                expected.sort((one, other) => one - other),
            );
            for (const fd of [control_fd, npl_fd, outputs].flat()) {
                assert.match(open.get(`${fd}`), /^socket:/);
            }
            for (const fd of [0, user_in_fd]) assert.match(open.get(`${fd}`), /memfd:/);
        });

        scoped_test(`15.18 run_as: ids, no groups, a state (${mode})`, async (scope, context) => {
            if (!is_root) return context.skip('other users need a node that runs as root');
            const [uid, gid] = run_as_ids;
            const node = await make_node(scope, {
                config: { contract: { run_as: `${uid}:${gid}` } },
            });
            fs.chmodSync(node.root, 0o755); // the test's own directory keeps others out
            await node.run();
            const user = await login(scope, node);
            const status = parse_status(await ask_mode(user, 'read:/proc/self/status'));
            assert.equal(status.Uid, Array(4).fill(uid).join('\t'));
            assert.equal(status.Gid, Array(4).fill(gid).join('\t'));
            assert.equal((status.Groups ?? '').trim(), '');
            const call = each(
                'write:file.txt=one',
                'mkdir:directory',
                'write:directory/file.txt=two',
                'private:three',
                'patch:version=2.0',
            );
            const { texts } = await ask(user, call);
            assert.deepEqual(texts, ['ok', 'ok', 'ok', 'ok', 'ok']);
            // What one run made the next one can change, and reads see it.
            const more = each('append:file.txt=more', 'write:directory/file.txt=');
            const again = await ask(user, more);
            assert.deepEqual(again.texts, ['more', 'ok']);
            assert.equal(await ask_read(user, 'read:file.txt'), 'onemore\n');
            assert.equal(await ask_read(user, 'read:../private.txt'), 'three');
            return undefined;
        });
    }

    scoped_test('15.11 an environment of one variable is A=1 and nothing else', async (scope) => {
        const node = await start_node(scope);
        const user = await login(scope, node);
        const patch = JSON.parse(fs.readFileSync(node.patch_path, 'utf8'));
        patch.environment = { A: '1' };
        await ask(user, `patchraw:${JSON.stringify(patch, null, 4)}`);
        assert.deepEqual((await ask(user, 'env')).texts, ['A=1']);
        assert.equal(await ask_read(user, 'env'), 'A=1');
    });

    const paths = {
        'a name in the state directory': { bin_path: 'probe_contract' },
        'a relative path': { bin_path: './sub/../probe_contract', texts: { 'sub/x': '' } },
        'an absolute path': { bin_path: probe_path, files: [] },
    };
    for (const [name, fields] of Object.entries(paths)) {
        scoped_test(`15.14 bin_path is ${name}`, async (scope) => {
            const node = await start_node(scope, { contract: probe_with(fields) });
            const user = await login(scope, node);
            const { texts } = await ask(user, each('args', 'echo:done'));
            assert.deepEqual(texts, [fields.bin_path, 'done']);
            assert.equal(await ask_read(user, 'echo:read'), 'read');
        });
    }

    scoped_test('15.14 bin_path is a script with an interpreter', async (scope) => {
        const node = await start_node(scope, {
            contract: { ...shell_contract('echo "$0 $*" >../started.txt'), bin_args: 'x y' },
        });
        assert.match(await wait_private(node, 'started.txt'), /contract\.sh x y\n$/);
    });

    const not_programs = {
        'does not exist': { bin_path: 'no_such_contract' },
        'is a name that only PATH could find': { bin_path: 'sh' },
        'is a directory': { bin_path: 'directory', texts: { 'directory/file': '' } },
        'is not executable': { bin_path: 'plain.txt', plain: true },
        'has no interpreter line': { bin_path: 'bare.sh', texts: { 'bare.sh': 'echo no\n' } },
        'names an interpreter that does not exist': {
            bin_path: 'odd.sh',
            texts: { 'odd.sh': '#!/no/such/interpreter\n' },
        },
    };
    for (const [name, { plain, ...contract }] of Object.entries(not_programs)) {
        scoped_test(`15.15 a bin_path that ${name}: ledgers go on`, async (scope) => {
            const node = await make_node(scope, { contract });
            if (plain) fs.writeFileSync(path.join(node.state_dir, 'plain.txt'), 'x');
            await node.run();
            const user = await login(scope, node);
            const { state_hash } = await ledger_of(user, await idle_ledgers(user, 1));
            const built = await user.submit('hello');
            const { ledger_seq_no } = await user.wait_accepted(built.hash);
            user.read('r', 'hello');
            await idle_ledgers(user, 3);
            const later = await ledger_of(user, ledger_seq_no + 2);
            assert.equal(later.state_hash, state_hash);
            assert.deepEqual(user.messages('contract_output'), []);
            assert.deepEqual(user.messages('contract_read_response'), []);
            await node.wait_log(/\[wrn\].*contract/);
        });
    }
});
