// SPDX-License-Identifier: Apache-2.0
//
// The peers a contract makes its node know: in force at once, in hp.cfg after a stop in good order
// (contract protocol 8.5, tests 68-70).

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { script_contract } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { until } from '../lib/util.mjs';

const contract = script_contract('peers.js', { modules: ['hotpocket-nodejs-contract'] });
const configured = ['one.example:1', 'two.example:2'];
const stored_max = 100;
const known_max = 256;

/** A node that knows `configured` and the user of its contract. */
async function start(scope, { discovery = false } = {}) {
    const mesh = { known_peers: configured, peer_discovery: { enabled: discovery } };
    const node = await scope.start_node({ contract, config: { mesh } });
    return { node, user: await scope.login(node) };
}

async function known_peers(node) {
    const { code, stdout, stderr } = await node.command('status', '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).peers.known;
}

const change = (user, message) => user.echo(JSON.stringify(message), { expected: 'done' });

const stored_peers = (node) => node.read_config().mesh.known_peers;

/** The contract's message may still be on its way when its output is here. */
const expect_known = (node, expected) =>
    until(async () => JSON.stringify(await known_peers(node)) === JSON.stringify(expected), {
        what: `known peers ${expected}`,
    });

describe('recovery: peers known to the contract', { concurrency: true }, () => {
    scoped_test('15.69 additions and removals count at once, and after a stop', async (scope) => {
        const { node, user } = await start(scope);
        assert.deepEqual(await known_peers(node), configured);
        await change(user, { add: ['three.example:3'], remove: ['one.example:1'] });
        await expect_known(node, ['two.example:2', 'three.example:3']);
        assert.deepEqual(stored_peers(node), configured, 'not before the stop');
        await change(user, { add: ['four.example:4'], remove: ['none.example:9'] });
        const expected = ['two.example:2', 'three.example:3', 'four.example:4'];
        await expect_known(node, expected);
        await node.stop();
        assert.deepEqual(stored_peers(node), expected);
        await node.run();
        assert.deepEqual(await known_peers(node), expected);
    });

    scoped_test('15.69 "*" forgets everything but the additions', async (scope) => {
        const { node, user } = await start(scope);
        await change(user, { add: ['new.example:5', 'two.example:2'], remove: '*' });
        await expect_known(node, ['two.example:2', 'new.example:5']);
        await change(user, { add: [], remove: '*' });
        await expect_known(node, []);
        await node.stop();
        assert.deepEqual(stored_peers(node), []);
    });

    scoped_test('15.69 a read request may change them too', async (scope) => {
        const { node, user } = await start(scope);
        user.read('r', JSON.stringify({ add: ['read.example:7'], remove: [] }));
        assert.equal((await user.wait('contract_read_response')).msg.content, 'done');
        await expect_known(node, [...configured, 'read.example:7']);
        await node.stop();
        assert.deepEqual(stored_peers(node), [...configured, 'read.example:7']);
    });

    scoped_test('15.68 with peer discovery nothing changes, the log says why', async (scope) => {
        const { node, user } = await start(scope, { discovery: true });
        await change(user, { add: ['three.example:3'], remove: '*' });
        await node.wait_log(/\[wrn\].*peer_changeset.*peer_discovery/);
        assert.deepEqual(await known_peers(node), configured);
        await node.stop();
        assert.deepEqual(stored_peers(node), configured);
    });

    scoped_test('15.70 malformed and unknown messages change nothing', async (scope) => {
        const { node, user } = await start(scope);
        const good = ['good.example:1'];
        const messages = [
            { type: 'peer_changeset', add: good },
            { type: 'peer_changeset', remove: [] },
            { type: 'peer_changeset', add: good, remove: 'all' },
            { type: 'peer_changeset', add: [...good, 'no port'], remove: [] },
            { type: 'peer_changeset', add: [...good, 'a:1:2'], remove: [] },
            { type: 'peer_changeset', add: [...good, 'a:0'], remove: [] },
            { type: 'peer_changeset', add: [...good, 5], remove: [] },
            { type: 'peer_changeset', add: good, remove: ['two.example:70000'] },
            { type: 'something else', add: good, remove: [] },
            { type: 5 },
            {},
        ];
        const raws = messages.map((message) => JSON.stringify(message));
        for (const raw of [...raws, '{"type":"peer_changeset",', 'x', '[]', '\u0000'])
            await change(user, { raw });
        // And one that counts, after all of them.
        await change(user, { add: ['last.example:1'], remove: [] });
        await expect_known(node, [...configured, 'last.example:1']);
    });

    scoped_test('the list is bounded, in memory and in hp.cfg', async (scope) => {
        const { node, user } = await start(scope);
        const add = Array.from({ length: known_max }, (_, index) => `peer${index}.example:1`);
        await change(user, { add, remove: [] });
        await node.wait_log(/\[wrn\].*too many peers.*left_out=2/);
        const known = await known_peers(node);
        assert.deepEqual(known, [...configured, ...add].slice(0, known_max));
        await node.stop();
        assert.deepEqual(stored_peers(node), known.slice(0, stored_max));
    });

    scoped_test('what the operator edits meanwhile stays', async (scope) => {
        const { node, user } = await start(scope);
        await change(user, { add: ['three.example:3'], remove: ['one.example:1'] });
        await expect_known(node, ['two.example:2', 'three.example:3']);
        node.edit_config({
            user: { max_connections: 77 },
            mesh: { known_peers: [...configured, 'operator.example:9'] },
        });
        await node.stop();
        assert.equal(node.read_config().user.max_connections, 77);
        const expected = ['two.example:2', 'three.example:3', 'operator.example:9'];
        assert.deepEqual(stored_peers(node), expected);
    });

    scoped_test('a killed node keeps what hp.cfg said', async (scope) => {
        const { node, user } = await start(scope);
        await change(user, { add: ['three.example:3'], remove: [] });
        await expect_known(node, [...configured, 'three.example:3']);
        await node.kill();
        assert.deepEqual(stored_peers(node), configured);
        await node.run();
        await until(async () => (await known_peers(node)).length >= configured.length);
    });

    scoped_test('a hp.cfg nobody changed is not written', async (scope) => {
        const { node, user } = await start(scope);
        await change(user, { add: ['three.example:3'], remove: [] });
        await change(user, { add: [], remove: ['three.example:3'] });
        await expect_known(node, configured);
        node.edit_config({ unknown_to_this_node: 1 }); // would be lost in a rewrite
        await node.stop();
        assert.equal(node.read_config().unknown_to_this_node, 1);
    });
});
