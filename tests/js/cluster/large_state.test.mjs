// SPDX-License-Identifier: Apache-2.0
//
// States that take longer than a round to fetch and take over: what was decided meanwhile must not
// make a node begin again, and who has its state still does not need that of others.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, wipe } from '../lib/cluster.mjs';
import { native_contract } from '../lib/node.mjs';
import { scaled } from '../lib/scale.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range } from '../lib/util.mjs';

const mib = scaled({ usual: 64, full: 1024 });
const roundtime = scaled({ usual: 40, full: 200 });
const timeout_ms = scaled({ usual: 60000, full: 600000 });
const changes = 5; // of the state, while a node is away
const fetching = 'fetching the agreed state from peers';

describe('cluster: large states', () => {
    scoped_test(
        `a node loses ${mib} MiB, and later is away for a while`,
        async (scope) => {
            const contract = native_contract('posix_contract');
            const consensus = { mode: 'public', threshold: 66, roundtime };
            const config = { contract: { consensus, max_input_ledger_offset: 0 } };
            const cluster = await Cluster.start(scope, 3, { config, contract });
            const user = await scope.login(cluster.nodes[0], { protocol: 'bson' });
            const ask = (text) => user.echo(text, { expected: 'ok', timeout_ms });
            await ask(`make:big:${mib * 1024 * 1024}`);
            await cluster.settle({ timeout_ms });
            const [victim] = cluster.nodes.slice(-1);
            await victim.kill();
            wipe(victim);
            await cluster.wait_more(3);
            await victim.run();
            await cluster.settle_votes({ timeout_ms });
            assert.ok(victim.log_text().includes(fetching));

            await victim.kill();
            for (const number of range(changes)) await ask(`put:big:${number * 70000}=1000`);
            const before = victim.log_text().length;
            await victim.run();
            await cluster.settle_votes({ timeout_ms });
            await cluster.check();
            assert.ok(!victim.log_text().slice(before).includes(fetching), 'nothing was missing');
        },
        { timeout: 3 * timeout_ms },
    );
});
