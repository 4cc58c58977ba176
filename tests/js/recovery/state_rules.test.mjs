// SPDX-License-Identifier: Apache-2.0
//
// What belongs to the state and what its hash depends on, seen from outside of a whole node
// (contract protocol section 15, tests 60-62 and 85-87; docs/protocol/state.md).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { host_place, probe_path } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { run_task, task_contract } from '../lib/task_contract.mjs';
import { until } from '../lib/util.mjs';

const contract = { files: [], bin_path: probe_path };
const idle_ledgers = 2;
const longest_name = 'n'.repeat(255);

const umask_place = (umask) => ({
    ...host_place,
    command: (words) => ['/bin/sh', '-c', `umask ${umask} && exec "$@"`, 'sh', ...words],
});

/** The state roots of the next ledgers, the first of which knows of everything done so far. */
async function next_roots(user, count) {
    user.subscribe('ledger_event');
    const first = await user.next_ledger();
    const roots = [first.state_hash];
    for (let more = 1; more < count; more += 1) {
        const where = (ledger) => ledger.seq_no === first.seq_no + more;
        roots.push((await user.next_ledger({ from: 0, where })).state_hash);
    }
    return roots;
}

/** A node with files in its state before its first ledger, and its state root. */
async function root_of_seed(scope, files, options = {}) {
    const node = await scope.make_node({ contract, ...options });
    for (const [name, content] of Object.entries(files))
        fs.writeFileSync(path.join(node.state_dir, name), content);
    await node.run();
    const [root] = await next_roots(await scope.login(node), 1);
    return { node, root };
}

/** The same made by the contract. */
async function root_of_run(scope, files, options = {}) {
    const node = await scope.start_node({ contract, ...options });
    const user = await scope.login(node);
    for (const [name, content] of Object.entries(files))
        await user.echo(`write:${name}=${content}`, { expected: 'ok' });
    const [root] = await next_roots(user, 1);
    return { node, root };
}

describe('recovery: what the state is', { concurrency: true }, () => {
    scoped_test('15.60 private files last, are seen by reads, and are no state', async (scope) => {
        const node = await scope.start_node({ contract });
        const user = await scope.login(node);
        const [before] = await next_roots(user, 1);
        await user.echo('private:secret', { expected: 'ok' });
        await user.echo('read:../private.txt', { expected: 'secret' });
        const read = await until(async () => {
            const from = user.mark();
            user.read('r', 'read:../private.txt');
            const { msg } = await user.wait('contract_read_response', { from });
            return msg.content === 'secret' ? msg.content : null;
        });
        assert.equal(read, 'secret');
        for (const end of ['kill', 'stop']) {
            await node[end]();
            await node.run();
        }
        const again = await scope.login(node, { keys: user.keys });
        await again.echo('read:../private.txt', { expected: 'secret' });
        assert.deepEqual(await next_roots(again, 1), [before]);
    });

    scoped_test('15.61 the root of the documented vector', async (scope) => {
        const { node, root } = await root_of_run(scope, { 'e.txt': 'abc' });
        assert.equal(root, '51c4764adb03cdac75080ce936c2ecbbc5478ff3be695a51baef059b5dcb8e77');
        assert.equal(root, state_root_hex(node.state_dir));
    });

    scoped_test('15.62 the umask of the node does not show', async (scope) => {
        const files = { 'a.txt': 'abc', b: '' };
        const roots = [];
        for (const umask of ['022', '077', '000']) {
            const place = umask_place(umask);
            roots.push((await root_of_run(scope, files, { place })).root);
            roots.push((await root_of_seed(scope, files, { place })).root);
        }
        assert.equal(new Set(roots).size, 1, roots.join('\n'));
    });

    scoped_test('15.85 execute false: ledgers close, nothing is executed', async (scope) => {
        const node = await scope.start_node({ contract, config: { contract: { execute: false } } });
        const user = await scope.login(node);
        assert.equal((await user.stat()).contract_execution_enabled, false);
        const built = await user.submit('private:executed');
        const { ledger_seq_no } = await user.wait_accepted(built.hash);
        user.read('r', 'private:executed');
        user.subscribe('ledger_event');
        const where = (ledger) => ledger.seq_no >= ledger_seq_no + idle_ledgers;
        await user.next_ledger({ from: 0, where });
        assert.ok(!fs.existsSync(path.join(path.dirname(node.state_dir), 'private.txt')));
        const { stdout } = await node.command('status', '--json');
        const status = JSON.parse(stdout).contract;
        assert.deepEqual([status.executes, status.since_start.runs], [false, 0]);
        assert.equal(status.last_run, null);
    });

    scoped_test('15.86 a name of 255 bytes is stable', async (scope) => {
        const node = await scope.start_node({ contract });
        const user = await scope.login(node);
        await user.echo(`write:${longest_name}=x`, { expected: 'ok' });
        const roots = await next_roots(user, idle_ledgers + 1);
        assert.equal(new Set(roots).size, 1);
        assert.equal(roots[0], state_root_hex(node.state_dir));
    });

    scoped_test('15.87 an empty file is the same from the seed and from a run', async (scope) => {
        const seeded = await root_of_seed(scope, { empty: '' });
        const made = await root_of_run(scope, { empty: '' });
        assert.equal(seeded.root, made.root);
        const none = await root_of_seed(scope, {});
        assert.notEqual(none.root, made.root);
    });

    scoped_test('how a state came about does not show in its root', async (scope) => {
        const node = await scope.start_node({ contract: task_contract() });
        const other = await scope.start_node({ contract: task_contract() });
        await run_task(node, 'mkdir -p d && echo 1 >d/x && echo 2 >y && chmod 755 y && ln -s y l');
        await run_task(
            other,
            [
                'umask 077; mkdir -p t/u && echo 9 >t/x && echo 2 >t/u/z && ln -s y l',
                'mv t d && echo 1 >d/x && cp d/u/z y && rm -r d/u && chmod 700 y d',
                'touch -d 2001-01-01 y d/x && head -c 100000 /dev/urandom >g && rm g',
            ].join('\n'),
        );
        const roots = [];
        for (const one of [node, other]) {
            const user = await scope.login(one);
            roots.push((await next_roots(user, idle_ledgers)).pop());
        }
        assert.equal(roots[0], roots[1]);
        assert.equal(roots[0], state_root_hex(node.state_dir));
    });
});
