// SPDX-License-Identifier: Apache-2.0
//
// Contracts that crash, hang, break their frames, flood their streams or leave children behind.
// They may spoil their own run; ledgers go on and the following runs serve everybody.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { NodePool, TestNode } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip, until } from '../lib/util.mjs';

const exec_timeout_ms = 1000;
const kill_slack_ms = 20000; // a busy machine takes its time
const large_output_bytes = 20 * 1024 * 1024;
const many_outputs = 100000;
const straddling_bytes = 131066;
const rss_growth_max_kb = 400 * 1024;
const ledgers_after = 3;

const options = {
    config: { contract: { round_limits: { exec_timeout: exec_timeout_ms } } },
};
const nodes = new NodePool({ runs: options, reads: options, large: {} });

/** Submits `text` and proves that ledgers, inputs and reads of others go on. */
async function submit_and_survive(scope, node, text) {
    const attacker = await scope.login(node, { local_address: fresh_ip(), label: 'attacker' });
    const victim = await scope.login(node, { label: 'victim' });
    victim.subscribe('ledger_event');
    await victim.echo('before');
    const rss_kb = node.rss_kb();

    const built = await attacker.submit(text);
    const { ledger_seq_no } = await attacker.wait_accepted(built.hash);
    await victim.next_ledger({
        from: 0,
        where: (ledger) => ledger.seq_no >= ledger_seq_no + ledgers_after,
    });
    const { output } = await victim.echo('after');
    assert.ok(output.ledger_seq_no > ledger_seq_no + ledgers_after);
    victim.read('r', 'read after');
    const response = await victim.wait('contract_read_response');
    assert.equal(response.msg.content, 'read after');
    assert.equal((await victim.stat()).vote_status, 'synced');

    assert.ok(node.running, node.exit_text());
    const growth_kb = node.rss_kb() - rss_kb;
    assert.ok(growth_kb < rss_growth_max_kb, `resident memory grew by ${growth_kb} kB`);
    return { attacker, built };
}

// All of them share one node one after the other: what one spoils, the next test notices.
describe('hostile: contracts', () => {
    after(() => nodes.dispose());

    for (const text of ['crash', 'hang', 'halfframe', 'hugeheader', 'exit:7', 'fillpipe']) {
        scoped_test(`a run with "${text}" harms only itself`, async (scope) => {
            await submit_and_survive(scope, await nodes.get('runs'), text);
        });
    }

    scoped_test('a crash keeps what was written before it', async (scope) => {
        const { attacker } = await submit_and_survive(scope, await nodes.get('runs'), 'crash');
        attacker.read('r', 'read:crash.txt');
        const { msg } = await attacker.wait('contract_read_response');
        assert.match(msg.content, /written before the crash/);
    });

    scoped_test('a header that arrives byte by byte is understood', async (scope) => {
        const { attacker } = await submit_and_survive(scope, await nodes.get('runs'), 'slowheader');
        await attacker.wait_output('slow header');
    });

    scoped_test('a header across two reads is understood', async (scope) => {
        const { attacker, built } = await submit_and_survive(
            scope,
            await nodes.get('runs'),
            'big2',
        );
        const { msg } = await attacker.wait('contract_output', { from: built.from });
        assert.equal(msg.outputs.length, 2);
        assert.equal(msg.outputs[0].length, straddling_bytes);
        assert.equal(msg.outputs[1], 'after big2');
    });

    scoped_test('a hanging contract is killed when its time is over', async (scope) => {
        const node = await nodes.get('runs');
        const user = await scope.login(node);
        user.subscribe('ledger_event');
        const built = await user.submit('hang');
        const { ledger_seq_no } = await user.wait_accepted(built.hash);
        const started_ms = Date.now();
        // The ledger after next needs the result of the run.
        await user.next_ledger({ from: 0, where: (ledger) => ledger.seq_no >= ledger_seq_no + 2 });
        const took_ms = Date.now() - started_ms;
        assert.ok(took_ms < exec_timeout_ms + kill_slack_ms, `the run lasted ${took_ms} ms`);
        await until(() => node.contract_processes().length === 0, {
            what: 'end of all contract processes',
        });
    });

    scoped_test('a daemon is gone after its run', async (scope) => {
        const node = await nodes.get('runs');
        const { attacker } = await submit_and_survive(scope, node, 'daemon');
        await attacker.wait_output('daemon started');
        await until(() => node.contract_processes().length === 0, {
            what: `end of the daemon; processes ${node.contract_processes()}`,
        });
    });

    for (const text of [
        'crash',
        'halfframe',
        'hugeheader',
        'exit:7',
        'hang',
        'daemon',
        'fillpipe',
    ]) {
        scoped_test(`read requests with "${text}" harm only themselves`, async (scope) => {
            const node = await nodes.get('reads');
            const attacker = await scope.login(node, {
                local_address: fresh_ip(),
                label: 'attacker',
            });
            const victim = await scope.login(node, { label: 'victim' });
            for (const id of ['a', 'b', 'c']) attacker.read(id, text);
            await victim.echo('meanwhile');
            victim.read('r', 'hello');
            const { msg } = await victim.wait('contract_read_response');
            assert.equal(msg.content, 'hello');
            await until(() => node.contract_processes().length === 0, {
                what: `end of all contract processes, now ${node.contract_processes()}`,
            });
            assert.ok(node.running, node.exit_text());
        });
    }

    scoped_test('a very large output does not disturb others', async (scope) => {
        const node = await nodes.get('large');
        await submit_and_survive(scope, node, `big:${large_output_bytes}`);
    });

    scoped_test('very many outputs arrive in order and do not disturb others', async (scope) => {
        const node = await nodes.get('large');
        const { attacker, built } = await submit_and_survive(scope, node, `multi:${many_outputs}`);
        const { msg } = await attacker.wait('contract_output', { from: built.from });
        assert.equal(msg.outputs.length, many_outputs);
        assert.equal(msg.outputs.at(-1), many_outputs);
        assert.ok(msg.outputs.every((value, at) => value === at + 1));
    });

    scoped_test('nothing is left when a node is killed during a run', async (scope) => {
        const node = await TestNode.start({ name: 'killed', ...options });
        try {
            const user = await scope.login(node);
            await user.submit('hang');
            await until(() => node.contract_processes().length > 0, {
                every_ms: 5,
                what: 'a contract process',
            });
            await node.kill();
            await until(() => node.leftovers().length === 0, {
                what: `end of processes ${node.leftovers()}`,
            });
            // A killed node starts again and continues.
            await node.run();
            const again = await scope.login(node);
            await again.echo('continued');
        } finally {
            await node.dispose({ expect_clean: false });
        }
    });

    scoped_test('a node stops cleanly during a run', async (scope) => {
        const node = await TestNode.start({ name: 'stopped', ...options });
        try {
            const user = await scope.login(node);
            await user.submit('hang');
            await until(() => node.contract_processes().length > 0, {
                every_ms: 5,
                what: 'a contract process',
            });
            const exit = await node.stop();
            assert.deepEqual(
                { code: exit.code, forced: exit.forced },
                { code: 0, forced: undefined },
            );
            await until(() => node.leftovers().length === 0, {
                what: `end of processes ${node.leftovers()}`,
            });
        } finally {
            await node.dispose({ expect_clean: false });
        }
    });

    scoped_test(
        'a contract that does not exist stops neither ledgers nor replies',
        async (scope) => {
            const node = await TestNode.start({
                name: 'absent contract',
                contract: { files: [], bin_path: 'no_such_contract' },
            });
            try {
                const user = await scope.login(node);
                user.subscribe('ledger_event');
                const built = await user.submit('hello');
                const { ledger_seq_no } = await user.wait_accepted(built.hash);
                await user.next_ledger({
                    from: 0,
                    where: (ledger) => ledger.seq_no >= ledger_seq_no + ledgers_after,
                });
                await user.stat();
            } finally {
                await node.dispose();
            }
        },
    );
});
