// SPDX-License-Identifier: Apache-2.0
//
// The published hotpocket-js-client against a node with default pace and round time.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { make_keys, zero_hash } from '../lib/crypto.mjs';
import { HotPocket, PublishedClient } from '../lib/jsclient.mjs';
import { NodePool } from '../lib/node.mjs';
import { range, until } from '../lib/util.mjs';

const inputs_count = 100;
const reads_count = 20;
const default_pace = { node: { pace: 'auto' }, contract: { consensus: { roundtime: 1000 } } };

const nodes = new NodePool({
    defaults: { config: default_pace },
    plain_ws: { config: { ...default_pace, user: { plain_ws: true } } },
    restarting: { config: default_pace },
});

const variants = ['json', 'bson'].flatMap((protocol) =>
    [false, true].map((trusted) => ({ protocol, trusted })),
);

const title_of = ({ protocol, trusted }) => `${protocol}, ${trusted ? 'trusted key' : 'no keys'}`;

function options_for(node, { protocol, trusted }) {
    return {
        protocol,
        contractId: node.cfg.contract.id,
        contractVersion: node.cfg.contract.version,
        ...(trusted && { trustedServerKeys: [node.cfg.node.public_key] }),
    };
}

/** Runs with a connected client and closes it; a failure quotes the node's log. */
async function with_client(name, variant, run) {
    const node = await nodes.get(name);
    const user = await PublishedClient.connect(node, options_for(node, variant));
    try {
        await run(user, node);
    } catch (error) {
        error.message += `\nevents ${JSON.stringify(user.changes)}\n--- log\n${node.log_tail()}`;
        throw error;
    } finally {
        await user.close();
    }
}

describe('interop: published client', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const variant of variants) {
        const title = title_of(variant);

        test(`${inputs_count} inputs and their outputs (${title})`, () =>
            with_client('defaults', variant, async (user) => {
                const texts = range(inputs_count).map((index) => `message ${index}`);
                const results = await Promise.all(texts.map((text) => user.submit(text)));
                for (const { status } of results)
                    assert.equal(status.status, 'accepted', status.reason);
                const hashes = new Set(results.map((result) => result.hash));
                assert.equal(hashes.size, inputs_count);
                await until(() => user.outputs.length >= inputs_count, {
                    what: `${inputs_count} outputs, have ${user.outputs.length}`,
                });
                // The contract sees a user's inputs in nonce order.
                assert.deepEqual(
                    user.outputs.map((output) => output.value),
                    texts,
                );
            }));

        test(`${reads_count} parallel reads (${title})`, () =>
            with_client('defaults', variant, async (user) => {
                const texts = range(reads_count).map((index) => `read ${index}`);
                const replies = await Promise.all(
                    texts.map((text) => user.read(text, `id ${text}`)),
                );
                assert.deepEqual(replies, texts);
            }));

        test(`stat and lcl (${title})`, () =>
            with_client('defaults', variant, async (user, node) => {
                const stat = await user.client.getStatus();
                assert.equal(stat.roundTime, 1000);
                assert.equal(stat.contractExecutionEnabled, true);
                assert.deepEqual(
                    stat.currentUnl.map((key) => user.hex_of(key)),
                    [node.cfg.node.public_key],
                );
                const [first, second] = await Promise.all([
                    user.client.getLcl(),
                    user.client.getLcl(),
                ]);
                assert.deepEqual(first, second);
                assert.ok(first.ledgerSeqNo >= stat.ledgerSeqNo);
            }));

        test(`subscriptions (${title})`, () =>
            with_client('defaults', variant, async (user) => {
                for (const channel of Object.values(HotPocket.notificationChannels)) {
                    await user.client.subscribe(channel);
                }
                const created = (event) => event.event === 'ledger_created';
                await until(() => user.events.filter(created).length >= 3, {
                    what: 'three ledger events',
                });
                const ledgers = user.events.filter(created).map((event) => event.ledger);
                assert.equal(ledgers[1].seqNo, ledgers[0].seqNo + 1);
                assert.equal(user.hex_of(ledgers[1].prevHash), user.hex_of(ledgers[0].hash));
                await user.client.unsubscribe(HotPocket.notificationChannels.ledgerEvent);
                // The reply shows that the node has handled the request before it.
                await user.client.getLcl();
                const seen = user.events.filter(created).length;
                const { ledgerSeqNo } = await user.client.getLcl();
                await until(
                    async () => (await user.client.getLcl()).ledgerSeqNo >= ledgerSeqNo + 2,
                    {
                        every_ms: 200,
                        what: 'two more ledgers',
                    },
                );
                assert.equal(user.events.filter(created).length, seen);
            }));

        test(`ledger queries (${title})`, () =>
            with_client('defaults', variant, async (user) => {
                const { hash, status } = await user.submit('in the ledger');
                assert.equal(status.status, 'accepted', status.reason);
                await user.wait_output('in the ledger');
                const blob = Buffer.from('in the ledger').toString('hex');
                const mine = (item) => user.hex_of(item.pubkey) === user.public_hex;

                const ledger = await user.client.getLedgerBySeqNo(status.ledgerSeqNo, true, true);
                assert.equal(user.hex_of(ledger.hash), user.hex_of(status.ledgerHash));
                const input = ledger.inputs.find(mine);
                assert.equal(user.hex_of(input.hash), hash);
                assert.equal(user.hex_of(input.blob), blob);

                const next = await user.client.getLedgerBySeqNo(status.ledgerSeqNo + 1, true, true);
                assert.equal(user.hex_of(next.prevHash), user.hex_of(ledger.hash));
                const output = next.outputs.find(mine);
                assert.deepEqual(
                    output.blobs.map((item) => user.hex_of(item)),
                    [blob],
                );

                const genesis = await user.client.getLedgerBySeqNo(0, true, true);
                assert.equal(user.hex_of(genesis.hash), zero_hash);
                assert.equal(await user.client.getLedgerBySeqNo(99999999, true, true), null);
            }));

        test(`plain ws when configured (${title})`, () =>
            with_client('plain_ws', variant, async (user, node) => {
                assert.match(node.url, /^ws:/);
                const { status } = await user.submit('plain');
                assert.equal(status.status, 'accepted', status.reason);
                await user.wait_output('plain');
            }));
    }

    test('a wrong contract id, version or key is refused by the client', async () => {
        const node = await nodes.get('defaults');
        const expectations = [
            { contractId: '00000000-0000-0000-0000-000000000000' },
            { contractVersion: '9.9' },
            { trustedServerKeys: [make_keys().hex] },
        ];
        const outcomes = await Promise.all(
            expectations.map(async (options) => {
                const user = await PublishedClient.create(node, {
                    ...options,
                    connectionTimeoutMs: 2000,
                });
                return user.client.connect();
            }),
        );
        assert.deepEqual(outcomes, [false, false, false]);
    });

    test('clients come back after a restart of the node', async () => {
        const node = await nodes.get('restarting');
        const users = await Promise.all(
            variants.map((variant) =>
                PublishedClient.connect(node, {
                    ...options_for(node, variant),
                    // A node may be away longer than the default before the client gives up.
                    connectionTimeoutMs: 30000,
                }),
            ),
        );
        try {
            for (const user of users)
                await user.client.subscribe(HotPocket.notificationChannels.ledgerEvent);
            const before = await users[0].submit('before');
            assert.equal(before.status.status, 'accepted', before.status.reason);
            await users[0].wait_output('before');
            const { ledgerSeqNo } = await users[0].client.getLcl();

            const exit = await node.stop();
            assert.equal(exit.code, 0, node.log_tail());
            await node.run();

            const returned = (user) =>
                user.changes.filter((change) => change === 'add').length >= 2;
            await until(() => users.every(returned), {
                every_ms: 100,
                what: `return of all clients; ${JSON.stringify(users.map((user) => user.changes))}`,
            });
            const lcl = await users[0].client.getLcl();
            assert.ok(lcl.ledgerSeqNo >= ledgerSeqNo, 'ledgers were lost');
            for (const user of users) {
                const seen = user.events.length;
                const { status } = await user.submit('after');
                assert.equal(status.status, 'accepted', status.reason);
                await user.wait_output('after');
                // Subscriptions are renewed by the client.
                await until(() => user.events.length > seen, {
                    what: 'ledger event after the restart',
                });
            }
            const old = await users[0].client.getLedgerBySeqNo(
                before.status.ledgerSeqNo,
                true,
                true,
            );
            assert.ok(old.inputs.some((input) => users[0].hex_of(input.hash) === before.hash));
        } catch (error) {
            error.message += `\n--- log\n${node.log_tail()}`;
            throw error;
        } finally {
            await Promise.all(users.map((user) => user.close()));
        }
    });
});
