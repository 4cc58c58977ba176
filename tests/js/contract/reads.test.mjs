// SPDX-License-Identifier: Apache-2.0
//
// Section 15, tests 54-56 and 59: read requests.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, describe } from 'node:test';

import {
    ask,
    ask_read,
    await_gate,
    each,
    idle_ledgers,
    ledger_of,
    login,
    node_pool,
    open_gate,
    private_file,
    start_node,
    tests_at_once,
    with_gates,
} from '../lib/contract_kit.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { range, until } from '../lib/util.mjs';

const parallel_reads = 6;
const concurrent_limit = 4;
const quiet_roundtime_ms = 60000;
const stable_samples = 20;

const nodes = node_pool({
    plain: {},
    gates: { contract: with_gates() },
});

const parse_attempts = (text) => text.split('\n').map((line) => line.split('='));

describe('15 read requests', tests_at_once, () => {
    after(() => nodes.dispose());

    scoped_test('15.54 one user with one input, no ledger, no party line', async (scope) => {
        const node = await nodes.get('plain');
        const user = await login(scope, node);
        await login(scope, node);
        await idle_ledgers(user, 2);
        const document = JSON.parse(await ask_read(user, 'context'));
        assert.equal(document.readonly, true);
        assert.equal(document.timestamp, 0);
        for (const key of ['lcl_seq_no', 'lcl_hash', 'npl_fd']) assert.ok(!(key in document), key);
        assert.deepEqual(Object.keys(document.users), [user.keys.hex]);
        const [, ...inputs] = document.users[user.keys.hex];
        assert.equal(inputs.length, 1);
        assert.equal(inputs[0][1], 'context'.length);
        assert.deepEqual(Object.keys(document.unl), [node.cfg.node.public_key]);
    });

    for (const name of ['file.txt', '../private.txt', '../patch.cfg']) {
        scoped_test(`15.55 a read request cannot change ${name}`, async (scope) => {
            const node = await start_node(scope);
            const user = await login(scope, node);
            await ask(user, each('write:file.txt=content', 'private:secret'));
            const before = await ask_read(user, `read:${name}`);
            assert.doesNotMatch(before, /^error:/);
            const attempts = parse_attempts(await ask_read(user, `tamper:${name}`));
            assert.ok(attempts.length > 10);
            for (const [attempt, result] of attempts) {
                if (/^(write|readwrite|append|truncate|create|unlink|rename)$/.test(attempt)) {
                    assert.match(result, /^(EACCES|EROFS)$/, attempt);
                }
                assert.notEqual(result, 'ok', attempt);
            }
            const { state_hash } = await ledger_of(user, await idle_ledgers(user, 2));
            assert.equal(await ask_read(user, `read:${name}`), before);
            await node.stop();
            assert.equal(state_root_hex(node.state_dir), state_hash);
            assert.equal(fs.readFileSync(private_file(node, 'private.txt'), 'utf8'), 'secret');
            assert.equal(fs.readFileSync(private_file(node, 'state/file.txt'), 'utf8'), 'content');
            assert.deepEqual(
                fs
                    .readdirSync(node.private_dir, { recursive: true })
                    .filter((file) => file.includes('tampered')),
                [],
            );
        });
    }

    scoped_test('15.56 during a run, reads see the state before it', async (scope) => {
        const node = await nodes.get('gates');
        const user = await login(scope, node);
        await ask(user, 'write:file.txt=old');
        const call = each('write:file.txt=new', await_gate('run'), 'echo:done');
        const built = await user.submit(call);
        await user.wait_accepted(built.hash);
        const live = private_file(node, 'state/file.txt');
        await until(() => fs.readFileSync(live, 'utf8') === 'new', { what: 'half of the run' });
        assert.equal(await ask_read(user, 'read:file.txt'), 'old');
        assert.equal(await ask_read(user, 'echo:hello'), 'hello');
        assert.deepEqual(user.messages('contract_output', built.from), [], 'the run still lasts');
        open_gate(node, 'run');
        await user.wait_output('done', { from: built.from });
        assert.equal(await ask_read(user, 'read:file.txt'), 'new');
    });

    for (const [probe, expected] of [
        ['halfframe', /\[wrn\].*what a read request wrote was dropped.*"exit code 0" note="/],
        ['exit:3', /\[wrn\].*read request ended abnormally .*end="exit code 3"/],
    ]) {
        scoped_test(`the log says how a read request with ${probe} ended`, async (scope) => {
            const node = await start_node(scope);
            const user = await login(scope, node);
            await ask(user, 'before');
            user.read('bad', probe);
            await node.wait_log(expected);
            const lines = node.log_text().split('\n');
            const about = lines.filter((line) => /read request/.test(line) && /end=/.test(line));
            assert.equal(about.length, 1, about.join('\n'));
        });
    }

    scoped_test(`15.59 ${parallel_reads} reads, ${concurrent_limit} at once`, async (scope) => {
        const node = await start_node(scope, {
            contract: with_gates(),
            config: {
                // No consensus run comes in between.
                contract: { consensus: { roundtime: quiet_roundtime_ms } },
                user: { concurrent_read_requests: concurrent_limit },
            },
        });
        const user = await login(scope, node);
        await until(() => node.contract_processes().length === 0, { what: 'end of the first run' });
        for (const at of range(parallel_reads)) user.read(`r${at}`, await_gate('reads'));
        // The barrier: the node has seen all of them.
        await user.lcl();
        let most = 0;
        let stable = 0;
        const is_stable = () => {
            const count = node.contract_processes().length;
            stable = count > 0 && count <= most ? stable + 1 : 0;
            most = Math.max(most, count);
            return stable >= stable_samples && most >= concurrent_limit;
        };
        await until(is_stable, { what: `${concurrent_limit} processes` });
        assert.ok(most <= concurrent_limit + 1, `${most} ran at once`);
        open_gate(node, 'reads');
        const is_response = (msg) => msg.type === 'contract_read_response';
        const responses = await user.wait_count(parallel_reads, is_response);
        for (const { msg } of responses) assert.equal(user.content_text(msg.content), 'awaited');
        const ids = responses.map(({ msg }) => msg.reply_for).sort();
        assert.deepEqual(
            ids,
            range(parallel_reads).map((at) => `r${at}`),
        );
    });
});
