// SPDX-License-Identifier: Apache-2.0
//
// Section 15, tests 29-38: what the contract sends to users.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import {
    ask,
    ask_read,
    await_ledger,
    each,
    idle_ledgers,
    login,
    node_pool,
    tests_at_once,
} from '../lib/contract_kit.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range } from '../lib/util.mjs';

const straddling_bytes = 131066;
const large_bytes = 50_000_000;
const limited_bytes = 500;
const message_bytes = 100;
const header_bytes = 4;
const messages_sent = 20;

const nodes = node_pool({
    plain: {},
    large: {},
    limited: {
        config: { contract: { round_limits: { user_output_bytes: limited_bytes } } },
    },
});

describe('15 outputs', tests_at_once, () => {
    after(() => nodes.dispose());

    scoped_test('15.29 a frame arrives once, with the next ledger', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        const { texts, output, seq_no } = await ask(user, 'echo:x');
        assert.deepEqual(texts, ['x']);
        assert.equal(output.ledger_seq_no, seq_no + 1);
        await idle_ledgers(user, 2);
        assert.equal(user.messages('contract_output').length, 1);
    });

    scoped_test('15.30 three frames are three outputs in order', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        const { texts } = await ask(user, each('echo:one', 'echo:two', 'echo:three'));
        assert.deepEqual(texts, ['one', 'two', 'three']);
    });

    scoped_test('15.31 a frame of no bytes is an empty output', async (scope) => {
        const node = await nodes.get('plain');
        for (const protocol of ['bson', 'json']) {
            const user = await login(scope, node, { protocol });
            assert.deepEqual((await ask(user, 'raw:')).texts, ['']);
            const { texts } = await ask(user, each('echo:a', 'raw:', 'echo:b'));
            assert.deepEqual(texts, ['a', '', 'b']);
        }
    });

    scoped_test('15.32 a header that comes byte by byte', async (scope) => {
        const node = await nodes.get('plain');
        const user = await login(scope, node);
        const { texts } = await ask(user, each('slowheader', 'echo:next'));
        assert.deepEqual(texts, ['slow header', 'next']);
        assert.ok(node.running);
    });

    scoped_test('15.33 a header across two reads of 128 KiB', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        const { texts } = await ask(user, 'big2');
        assert.equal(texts[0].length, straddling_bytes);
        assert.match(texts[0], /^abc.*$/);
        assert.deepEqual(texts.slice(1), ['after big2']);
    });

    scoped_test('15.34 an impossible length ends this output only', async (scope) => {
        const node = await nodes.get('plain');
        const user = await login(scope, node);
        const other = await login(scope, node);
        other.subscribe('ledger_event');
        for (let attempt = 0; attempt < 8; attempt += 1) {
            await other.next_ledger();
            const max = await other.farthest_ledger();
            const call = each('echo:before', 'hugeheader', 'echo:after', 'append:huge.txt=written');
            const [bad, good] = await Promise.all([
                user.submit(call, { max }),
                other.submit(`echo:other ${attempt}`, { max }),
            ]);
            const bad_status = await user.wait_accepted(bad.hash);
            const good_status = await other.wait_accepted(good.hash);
            await other.wait_output(`other ${attempt}`);
            const seq_no = bad_status.ledger_seq_no;
            await await_ledger(user, seq_no + 1);
            const own = user.messages('contract_output', bad.from);
            assert.deepEqual(
                own.flatMap(({ msg }) => msg.outputs.map((item) => user.content_text(item))),
                ['before'],
            );
            assert.match(await ask_read(user, 'read:huge.txt'), /^(written\n)+$/);
            // Only a run that both share shows that the other user is unharmed.
            if (good_status.ledger_seq_no === seq_no) return;
        }
        assert.fail('the two users never shared a ledger');
    });

    scoped_test('15.35 an output of 50 MB arrives intact', async (scope) => {
        const user = await login(scope, await nodes.get('large'));
        const { output } = await ask(user, `big:${large_bytes}`);
        assert.equal(output.outputs.length, 1);
        const bytes = user.content_bytes(output.outputs[0]);
        assert.equal(bytes.length, large_bytes);
        const alphabet = Buffer.from('abcdefghijklmnopqrstuvwxyz');
        assert.ok(bytes.equals(Buffer.alloc(large_bytes, alphabet)));
    });

    for (const [name, pause_ms] of [
        ['in one go', 0],
        ['one by one', 10],
    ]) {
        scoped_test(`15.36 user_output_bytes cuts whole messages, sent ${name}`, async (scope) => {
            const user = await login(scope, await nodes.get('limited'));
            const call = `paced:${messages_sent}:${message_bytes}:${pause_ms}`;
            const { texts } = await ask(user, call);
            const count = Math.floor(limited_bytes / (message_bytes + header_bytes));
            assert.equal(count, 4);
            const expected = range(count).map((at) => `${at + 1}`.padEnd(message_bytes, '.'));
            assert.deepEqual(texts, expected);
        });
    }

    scoped_test('15.36 the limit counts headers, and per user and run', async (scope) => {
        const user = await login(scope, await nodes.get('limited'));
        const fitting = limited_bytes - header_bytes;
        assert.equal((await ask(user, `big:${fitting}`)).texts[0].length, fitting);
        const { texts } = await ask(user, each('echo:a', `big:${fitting}`, 'echo:b'));
        assert.deepEqual(texts, ['a'], 'nothing comes after the first message beyond the limit');
        assert.deepEqual((await ask(user, 'echo:again')).texts, ['again']);
    });
});
