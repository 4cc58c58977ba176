// SPDX-License-Identifier: Apache-2.0
//
// contract.round_limits.state_bytes: a run that leaves more than it may is as if it had never been,
// and everybody else is served as before.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { probe_path } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { run_task, task_contract } from '../lib/task_contract.mjs';

const quota_bytes = 10000;
const contract = { files: [], bin_path: probe_path };
const limited = { contract: { round_limits: { state_bytes: quota_bytes } } };

async function runs_of(node) {
    const { code, stdout, stderr } = await node.command('status', '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).contract;
}

/** Submits an input whose run is void; the ledger after it. */
async function submit_void(user, text) {
    const built = await user.submit(text);
    const { ledger_seq_no } = await user.wait_accepted(built.hash);
    const after = await user.next_ledger({ from: 0, where: (l) => l.seq_no > ledger_seq_no });
    return { built, ledger_seq_no, after };
}

describe('hostile: the quota of the state', { concurrency: true }, () => {
    scoped_test('a run over it leaves nothing, and the next one counts', async (scope) => {
        const node = await scope.start_node({ contract, config: limited });
        const user = await scope.login(node);
        user.subscribe('ledger_event');
        await user.echo('write:kept=kept', { expected: 'ok' });
        const before = (await runs_of(node)).state_root;

        const { built, after } = await submit_void(user, `write:big=${'x'.repeat(quota_bytes)}`);
        await node.wait_log(/\[err\].*run is void.*10000/);
        assert.equal(after.state_hash, before);
        assert.ok(!fs.existsSync(path.join(node.state_dir, 'big')));
        const seen = await runs_of(node);
        assert.equal(seen.since_start.void, 1);

        user.read('r', 'read:kept');
        assert.equal((await user.wait('contract_read_response')).msg.content, 'kept');
        await user.echo('write:fits=fits', { expected: 'ok' });
        await user.echo('still here');
        const outputs = user.records.filter(({ msg }) => msg?.type === 'contract_output');
        const dropped = outputs.filter(({ index }) => index > built.from).map(({ msg }) => msg);
        assert.deepEqual(
            dropped.map((msg) => msg.outputs),
            [['ok'], ['still here']],
            'the outputs of the void run are gone',
        );
    });

    scoped_test('it comes with patch.cfg, which a void run cannot change', async (scope) => {
        const node = await scope.start_node({ contract });
        const user = await scope.login(node);
        user.subscribe('ledger_event');
        await user.echo(`write:big=${'x'.repeat(quota_bytes)}`, { expected: 'ok' });
        const patch = JSON.parse(fs.readFileSync(node.patch_path, 'utf8'));
        assert.ok(!('state_bytes' in patch.round_limits), 'not there unless it is set');
        patch.round_limits.state_bytes = 100;
        const text = JSON.stringify(patch, null, 4);
        await user.echo(`patchraw:${text}`, { expected: 'ok' });
        await node.wait_log(/configuration changed by the contract/);
        assert.equal(node.read_config().contract.round_limits.state_bytes, 100);

        // Everything is void now, also an attempt to change the limit, until there is less.
        await submit_void(user, `patchraw:${text.replace('100\n', '200\n')}`);
        assert.equal(fs.readFileSync(node.patch_path, 'utf8'), text);
        for (const end of ['kill', 'stop']) {
            await node[end]();
            await node.run();
            assert.equal(fs.readFileSync(node.patch_path, 'utf8'), text);
        }
        const again = await scope.login(node, { keys: user.keys });
        again.subscribe('ledger_event');
        await submit_void(again, 'write:more=x');
        await again.echo('write:big=', { expected: 'ok' });
        await again.echo('below');
    });

    scoped_test('what a run does on the way and beside the state is its own', async (scope) => {
        const node = await scope.start_node({ contract: task_contract(), config: limited });
        const user = await scope.login(node);
        await run_task(node, [
            'head -c 1000000 /dev/zero >temporary',
            'head -c 1000000 /dev/zero >../private',
            'rm temporary',
            'echo kept >kept',
        ].join('\n'));
        await user.echo('next');
        assert.equal((await runs_of(node)).since_start.void, 0);
        assert.equal(fs.readFileSync(path.join(node.state_dir, 'kept'), 'utf8'), 'kept\n');
        const private_file = path.join(path.dirname(node.state_dir), 'private');
        assert.equal(fs.statSync(private_file).size, 1000000);
    });
});
