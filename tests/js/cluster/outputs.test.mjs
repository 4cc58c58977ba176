// SPDX-License-Identifier: Apache-2.0
//
// Outputs on nodes that have not made them: the node was away, or heard nothing, while the others
// ran the ledger. Its users get them, and its history has them, like on any other node.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, seq_of, status_of, with_threshold } from '../lib/cluster.mjs';
import { signers_of } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { until } from '../lib/util.mjs';


/** The outputs that a node's history has for a ledger. */
async function outputs_of(scope, node, seq_no) {
    const user = await scope.login(node);
    const { results } = await user.query(seq_no, ['outputs']);
    await user.close();
    return results[0]?.outputs ?? [];
}

describe('cluster: outputs', () => {
    scoped_test('a node that was away has the outputs of what it missed', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(66));
        const [first, , away] = cluster.nodes;
        await away.kill();
        const user = await scope.login(first);
        const confirmed = [];
        for (const text of ['one', 'two', 'three']) {
            const { output } = await user.echo(text);
            confirmed.push(output.ledger_seq_no);
        }
        await away.run();
        await cluster.wait_ledger(seq_of(await status_of(first)));
        for (const seq_no of confirmed) {
            const expected = await outputs_of(scope, first, seq_no);
            assert.equal(expected.length, 1);
            const has = async () => (await outputs_of(scope, away, seq_no)).length > 0;
            await until(has, { what: `outputs of ledger ${seq_no}` });
            assert.deepEqual(await outputs_of(scope, away, seq_no), expected);
        }
        const { code, stdout, stderr } = await away.command('ledger verify');
        assert.equal(code, 0, `${stdout} ${stderr}`);
        await cluster.check({ readers: [away] });
    });

    scoped_test('users of a node that hears of it all too late get theirs', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(66));
        const [late, other] = cluster.nodes;
        const user = await scope.login(late);
        await cluster.settle_votes();
        for (const from of [1, 2]) cluster.links.set(from, 0, { held: true });
        const built = await user.submit('patience');
        // The others hear its input, and confirm the outputs without it.
        const elsewhere = await scope.login(other);
        const confirmed = async () => {
            const { ledger_seq_no } = await elsewhere.lcl();
            const { results } = await elsewhere.query(ledger_seq_no, ['outputs']);
            return results[0]?.outputs.some(({ pubkey }) => pubkey === user.keys.hex) ?? false;
        };
        await until(confirmed, { every_ms: 20, what: 'the outputs in a ledger' });
        cluster.links.heal();
        const matches = (msg) => msg.type === 'contract_output';
        const { msg } = await user.wait(matches, { from: built.from });
        assert.equal(msg.outputs.length, 1);
        assert.ok(signers_of(msg, cluster.keys()).length >= 2);
        await cluster.check();
    });
});

describe('cluster: events', () => {
    scoped_test('proposal health is of the proposals of all members', async (scope) => {
        const cluster = await Cluster.start(scope, 3, with_threshold(66));
        const user = await scope.login(cluster.nodes[0]);
        user.subscribe('health_event');
        const of_size = (size) => (msg) =>
            msg.type === 'health_event' && msg.event === 'proposal' && msg.batch_size === size;
        const { msg } = await user.wait(of_size(3), { what: 'three proposals' });
        for (const { min, max, avg } of [msg.comm_latency, msg.read_latency]) {
            assert.ok(0 <= min && min <= avg && avg <= max, `${min} ${avg} ${max}`);
        }
        await cluster.nodes[2].kill();
        const from = user.mark();
        await user.wait(of_size(2), { from, what: 'two proposals' });
    });
});
