// SPDX-License-Identifier: Apache-2.0
//
// A node whose disk is full stops with a code of its own, keeps every promise, and works again when
// there is space. Each node gets a small file system, which the test fills up to different amounts
// so that the failure meets different writes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import {
    check_links,
    check_outputs,
    check_promises,
    executed_inputs,
    read_chain,
} from '../lib/chain.mjs';
import { status_of, wait_status } from '../lib/cluster.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { SteadyUser } from '../lib/steady_user.mjs';
import { sleep, until } from '../lib/util.mjs';
import { Tmpfs } from '../lib/tmpfs.mjs';

const size_kib = 48 * 1024;
const text_bytes = 4000;
const refused = 255;
const exit_codes = [71, 70]; // disk full; storage failed
const calm_ms = 600;
const few_files = 600; // fewer than a node wants
const many_files = 10000;
const test_timeout_ms = 240000;
const bytes_left = [0, 4096, 20000, 60000, 150000, 400000];

const answer_of = (text) => text.slice(text.indexOf('=') + 1);

/** Runs `test` with a node on a file system of its own, or says why it cannot. */
function disk_test(name, run) {
    scoped_test(
        name,
        async (scope, context) => {
            const disk = await Tmpfs.make(size_kib);
            if (!disk) {
                context.skip(`no mount namespace: ${Tmpfs.problem.trim()}`);
                return;
            }
            try {
                await run(scope, context, disk);
            } finally {
                for (const node of scope.owned) await node.kill();
                await disk.dispose();
            }
        },
        { timeout: test_timeout_ms },
    );
}

/** reserve: MiB below which it is suspended. Without one it goes on until a write fails. */
const start_node = (scope, place, reserve = 0) =>
    scope.start_node({
        place,
        config: {
            node: { history: 'full', disk_reserve_mbytes: reserve },
            contract: { consensus: { roundtime: 100, mode: 'public' } },
            log: { loggers: ['console'] },
        },
    });

function make_user(node, name, protocol) {
    const padding = name.repeat(text_bytes);
    return new SteadyUser(node, {
        protocol,
        make_text: (number) => `append:log.txt=${name} ${number} ${padding}`,
        pause_ms: () => 20,
    });
}

async function check_everything(scope, node, users) {
    const reader = await scope.login(node, { label: 'reader' });
    reader.subscribe('ledger_event');
    await reader.next_ledger({ where: (ledger) => /^0+$/.test(ledger.input_hash) });
    const ledgers = await read_chain(reader);
    check_links(ledgers);
    check_promises(ledgers, users);
    const without_effect = check_outputs(ledgers, answer_of);
    await node.stop();
    const verified = await node.command('ledger verify');
    assert.equal(verified.code, 0, verified.stderr);
    const expected = executed_inputs(ledgers)
        .filter((input) => !without_effect.includes(input.hash))
        .map((input) => `${answer_of(input.text)}\n`);
    const log = fs.readFileSync(path.join(node.state_dir, 'log.txt'), 'utf8');
    assert.ok(log === expected.join(''), 'the state is not what the chain says');
    assert.equal(state_root_hex(node.state_dir), ledgers.at(-1).state_hash);
}

describe('recovery: disk full', () => {
    disk_test('the node stops, starts again, and nothing accepted is lost', async (...all) => {
        const [scope, context, disk] = all;
        const node = await start_node(scope, disk);
        const users = [make_user(node, 'a', 'json'), make_user(node, 'b', 'bson')];
        for (const user of users) user.start();
        for (const left of bytes_left) {
            const before = users.flatMap((user) => user.outputs).length;
            await until(() => users.flatMap((user) => user.outputs).length > before + 5, {
                what: 'outputs while there is space',
            });
            disk.fill(left);
            const exit = await node.wait_exit();
            context.diagnostic(`${left} bytes left: ${node.exit_text()}`);
            assert.ok(exit_codes.includes(exit.code), node.exit_text());
            assert.deepEqual(await node.await_no_leftovers(), []);
            disk.free();
            await node.run();
        }
        await sleep(calm_ms);
        await Promise.all(users.map((user) => user.stop()));
        await check_everything(scope, node, users);
    });

    disk_test('a start on a full disk fails and does no harm', async (scope, context, disk) => {
        const node = await start_node(scope, disk);
        const user = make_user(node, 'a', 'json');
        user.start();
        await until(() => user.outputs.length > 20, { what: 'outputs' });
        await node.kill();
        disk.fill();
        for (let count = 0; count < 3; count += 1) {
            node.spawn();
            const exit = await node.wait_exit();
            context.diagnostic(`start on a full disk: ${node.exit_text()}`);
            assert.ok([...exit_codes, refused].includes(exit.code), node.exit_text());
        }
        disk.free();
        await node.run();
        await sleep(calm_ms);
        await user.stop();
        await check_everything(scope, node, [user]);
    });

    disk_test('a disk that fills up during a run', async (scope, context, disk) => {
        const node = await start_node(scope, disk);
        const user = await scope.login(node);
        await user.echo('append:log.txt=before', { expected: 'before' });
        const built = await user.submit('slowappend:log.txt=line:1500');
        const { ledger_seq_no } = await user.wait_accepted(built.hash);
        const live = path.join(node.state_dir, 'log.txt');
        await until(() => fs.readFileSync(live, 'utf8').includes('B line'), {
            every_ms: 5,
            what: 'the first half of the run',
        });
        disk.fill();
        const exit = await node.wait_exit();
        context.diagnostic(node.exit_text());
        assert.ok(exit_codes.includes(exit.code), node.exit_text());
        disk.free();
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        const output = await again.wait_output('line');
        assert.equal(output.ledger_seq_no, ledger_seq_no + 1);
        again.read('r', 'read:log.txt');
        const { msg } = await again.wait('contract_read_response');
        assert.equal(msg.content, 'before\nB line\nE line\n');
        assert.equal((await node.command('ledger verify')).code, 0);
    });

    disk_test('few inodes are left: the node waits', async (scope, context, disk) => {
        const node = await start_node(scope, disk, 1);
        const user = await scope.login(node);
        await user.echo('append:log.txt=before', { expected: 'before' });
        disk.limit_files(few_files);
        const { consensus, ledger } = await wait_status(node, (now) => now.consensus.suspended, {
            what: 'a suspended node',
        });
        assert.match(consensus.suspended, /hardly room for more files: \d+ inodes are left in/);
        await sleep(calm_ms);
        assert.equal((await status_of(node)).ledger.seq, ledger.seq, 'it closes ledgers');
        disk.limit_files(many_files);
        await wait_status(node, (now) => !now.consensus.suspended, { what: 'the end of it' });
        await user.echo('append:log.txt=after', { expected: 'after' });
    });

    disk_test('an input larger than the space that is left', async (scope, context, disk) => {
        const node = await start_node(scope, disk);
        const user = await scope.login(node);
        await user.echo('append:log.txt=before', { expected: 'before' });
        disk.fill(300000);
        const built = await user.submit(`write:large.bin=${'x'.repeat(1000000)}`);
        const exit = await node.wait_exit();
        assert.ok(exit_codes.includes(exit.code), node.exit_text());
        await user.wait_closed();
        assert.deepEqual(user.statuses(built.hash), [], 'it cannot be in a ledger');
        disk.free();
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        again.send_input(built);
        await again.wait_accepted(built.hash);
        await again.wait_output('ok');
        again.read('r', 'read:log.txt');
        assert.equal((await again.wait('contract_read_response')).msg.content, 'before\n');
        assert.equal((await node.command('ledger verify')).code, 0);
    });
});
