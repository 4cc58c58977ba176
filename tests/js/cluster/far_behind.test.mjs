// SPDX-License-Identifier: Apache-2.0
//
// Nodes that cannot get back ledger by ledger: nobody keeps the ones they lack any more, or the UNL
// they know is an old one. They follow the epoch chain (docs/consensus.md) and vote again.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { change, expect_adopted } from '../lib/change.mjs';
import { Cluster, seq_of, status_of, wait_status, wipe, with_threshold } from '../lib/cluster.mjs';
import { b3, make_keys } from '../lib/crypto.mjs';
import { scoped_test } from '../lib/scope.mjs';

const long_ms = 240000;
const kept_ledgers = 512; // by every node, whatever its settings

const brief_history = (threshold, roundtime) => ({
    config: {
        node: { history_config: { max_primary_shards: 1, max_raw_shards: 0 } },
        contract: { consensus: { mode: 'public', threshold, roundtime } },
    },
});

const joined = /going on from the newest ledger of a peer .*ledger=(\d+)/;

/** The nodes have one chain and state; the ledgers from `first` on are known to all. */
async function expect_same(scope, cluster, nodes, first) {
    await cluster.wait_more(2, { nodes });
    await cluster.settle({ nodes });
    const last = Math.min(...(await Promise.all(nodes.map(status_of))).map(seq_of));
    const hashes = [];
    for (const node of nodes) {
        const user = await scope.login(node);
        const { results } = await user.query(last);
        hashes.push(results[0].hash);
        const { results: early } = await user.query(first);
        assert.equal(early.length, 1, `ledger ${first} of ${node.name}`);
        await user.close();
    }
    assert.equal(new Set(hashes).size, 1, `ledger ${last}: ${hashes}`);
}

describe('cluster: far behind', { concurrency: false }, () => {
    scoped_test(
        'after two changes of the UNL, and more ledgers than are kept (row 46)',
        async (scope) => {
            const cluster = await Cluster.make(scope, 3, brief_history(60, 50));
            const late = await cluster.make_newcomer(); // with the first UNL, for later
            const third = await cluster.make_newcomer();
            const keys = cluster.keys();
            const [a, b, c] = cluster.nodes;
            const members = [a, b, c, third];
            await cluster.run(members);
            const unl_of = (...nodes) => nodes.map((node) => keys[cluster.nodes.indexOf(node)]);
            await cluster.wait_ledger(3, { nodes: members });
            const first = await change(scope, a, { unl: unl_of(a, b, third) });
            await expect_adopted(members, first);
            const second = await change(scope, b, { unl: unl_of(a, c, third) });
            await expect_adopted(members, second);
            const away = c; // while the others go on
            await cluster.wait_more(2, { nodes: members });
            await away.kill();
            const beyond = second + kept_ledgers + 30;
            await cluster.wait_ledger(beyond, { nodes: [a, b, third], timeout_ms: long_ms });

            // Its hp.cfg has the first UNL, and nobody has the first ledger.
            await late.run();
            await late.wait_log(/following the epoch chain .*verified=[3-9]/);
            await late.wait_log(joined);
            // Down for so long, and with everything lost.
            await away.run();
            await away.wait_log(joined);
            await third.kill();
            wipe(third);
            await third.run();
            await third.wait_log(joined);

            // All of them vote: nothing closes without them.
            const all = [a, c, third, late];
            const third_change = await change(scope, a, {
                unl: unl_of(...all),
                consensus: { threshold: 100 },
            });
            await expect_adopted(all, third_change);
            const user = await scope.login(late);
            const { output } = await user.echo('signed by all');
            assert.ok(output.unl_sig.some(([signer]) => signer === late.cfg.node.public_key));
            await user.close();
            const at = seq_of(await status_of(a));
            await expect_same(scope, cluster, all, at);
            for (const node of all) {
                const { code, stdout, stderr } = await node.command('ledger verify');
                assert.equal(code, 0, `${node.name}: ${stdout} ${stderr}`);
            }
            // Whoever came this way can show the way to others.
            await cluster.kill([a, b]);
            const last = await cluster.make_newcomer();
            last.edit_config({ contract: { unl: keys.slice(0, 3), consensus: { threshold: 60 } } });
            await last.run();
            await last.wait_log(joined);
        },
        { timeout: 2 * long_ms },
    );

    scoped_test('a UNL that leads nowhere is said to', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(60));
        const stranger = await cluster.make_newcomer();
        const unl = [make_keys(b3('nobody')).hex, make_keys(b3('nobody else')).hex];
        stranger.edit_config({ contract: { unl } });
        await stranger.run();
        await stranger.wait_log(/hp\.cfg needs a newer UNL/);
        assert.equal(seq_of(await status_of(stranger)), 0);
        await cluster.check({ nodes: cluster.nodes.slice(0, 3) });
        // With the right one it joins.
        await stranger.stop();
        stranger.edit_config({ contract: { unl: cluster.keys().slice(0, 3) } });
        await stranger.run();
        await wait_status(stranger, (status) => seq_of(status) > 3, { what: 'ledgers' });
    });
});
