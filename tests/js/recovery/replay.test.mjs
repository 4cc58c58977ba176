// SPDX-License-Identifier: Apache-2.0
//
// An input that was accepted is never accepted again, whatever happened to the node in between and
// however little history it keeps.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { scoped_test } from '../lib/scope.mjs';
import { range } from '../lib/util.mjs';

const later_ledgers = 5;
const refusals = ['already_submitted', 'nonce_expired'];

const histories = {
    full: { history: 'full' },
    'custom, raw 1': { history: 'custom', history_config: { max_raw_shards: 1 } },
    'custom, raw 0': { history: 'custom', history_config: { max_raw_shards: 0 } },
};
const endings = {
    'kill -9': (node) => node.kill(),
    SIGTERM: (node) => node.stop(),
};

const start_node = (scope, history) =>
    scope.start_node({
        config: { node: history, contract: { max_input_ledger_offset: 0 } },
    });

/** Sends the same bytes again; returns why they are refused. */
async function repeat(client, built) {
    const from = client.mark();
    client.send_input(built);
    const status = await client.wait_status(built.hash, { from });
    assert.equal(status.status, 'rejected', `accepted again in ledger ${status.ledger_seq_no}`);
    return status.reason;
}

describe('recovery: replay', () => {
    for (const [history_name, history] of Object.entries(histories)) {
        for (const [ending_name, end] of Object.entries(endings)) {
            const title = `after ${ending_name}, history ${history_name}`;
            for (const protocol of ['json', 'bson']) {
                scoped_test(`accepted inputs are refused ${title} (${protocol})`, async (scope) => {
                    const node = await start_node(scope, history);
                    const user = await scope.login(node, { protocol });
                    user.subscribe('ledger_event');
                    const first = await user.submit('append:log.txt=first');
                    await user.wait_accepted(first.hash);
                    await user.wait_output('first');
                    const second = await user.submit('append:log.txt=second');
                    const { ledger_seq_no } = await user.wait_accepted(second.hash);
                    // Far enough for ledgers to be pruned down to what recovery needs.
                    await user.next_ledger({
                        where: (ledger) => ledger.seq_no > ledger_seq_no + later_ledgers,
                    });
                    await end(node);
                    await node.run();

                    const again = await scope.login(node, { keys: user.keys, protocol });
                    for (const built of [first, second, first]) {
                        const reason = await repeat(again, built);
                        assert.ok(refusals.includes(reason), reason);
                    }
                    assert.ok((await again.lcl()).ledger_seq_no < first.max, 'nothing expired');
                    const lower = await again.submit('append:log.txt=lower', {
                        nonce: first.nonce - 1,
                    });
                    const status = await again.wait_status(lower.hash);
                    assert.equal(status.reason, 'nonce_expired');

                    const next = await again.submit('append:log.txt=third', {
                        nonce: second.nonce + 1,
                    });
                    await again.wait_accepted(next.hash);
                    await again.wait_output('third');
                    again.read('content', 'read:log.txt');
                    const { msg } = await again.wait('contract_read_response');
                    assert.equal(again.content_text(msg.content), 'first\nsecond\nthird\n');
                });
            }
        }
    }

    scoped_test('an input of the ledger that is executed again is refused', async (scope) => {
        const node = await start_node(scope, histories['custom, raw 0']);
        const user = await scope.login(node);
        const built = await user.submit('slowappend:log.txt=line:1000');
        await user.wait_accepted(built.hash);
        await node.kill();
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        const reason = await repeat(again, built);
        assert.ok(refusals.includes(reason), reason);
        await again.wait_output('line');
    });

    scoped_test('the nonces of many users outlive kill -9', async (scope) => {
        const node = await start_node(scope, histories['custom, raw 0']);
        const users = await Promise.all(range(20).map(() => scope.login(node)));
        const inputs = await Promise.all(
            users.map(async (user) => {
                const built = await user.submit('echo:hello');
                await user.wait_accepted(built.hash);
                return { keys: user.keys, built };
            }),
        );
        await node.kill();
        await node.run();
        for (const { keys, built } of inputs) {
            const again = await scope.login(node, { keys });
            const reason = await repeat(again, built);
            assert.ok(refusals.includes(reason), reason);
        }
    });

    scoped_test('an expired input stays expired after kill -9', async (scope) => {
        const node = await start_node(scope, histories.full);
        const user = await scope.login(node);
        user.subscribe('ledger_event');
        const built = await user.submit('echo:hello', { offset: 3 });
        await user.wait_accepted(built.hash);
        await user.next_ledger({ where: (ledger) => ledger.seq_no >= built.max });
        await node.kill();
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        assert.equal(await repeat(again, built), 'max_ledger_expired');
    });
});
