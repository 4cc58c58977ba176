// SPDX-License-Identifier: Apache-2.0
//
// Section 15, tests 47-53 and 71: the node party line of a node that only hears itself.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, describe } from 'node:test';

import {
    ask,
    ask_read,
    await_gate,
    each,
    login,
    node_pool,
    open_gate,
    private_file,
    start_node,
    tests_at_once,
    wait_private,
    with_gates,
} from '../lib/contract_kit.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { until } from '../lib/util.mjs';

const message_bytes_max = 131072;
const beyond_bytes = 200000;
const identical_messages = 300;
const limited_bytes = 100;
const peer = '127.0.0.1:4003';
const limited_message = 'x'.repeat(40);

const nodes = node_pool({
    plain: {},
    limited: {
        config: { contract: { round_limits: { npl_output_bytes: limited_bytes } } },
    },
});

describe('15 node party line', tests_at_once, () => {
    after(() => nodes.dispose());

    scoped_test('15.47 two packets: the key of the sender in hex, the message', async (scope) => {
        const node = await nodes.get('plain');
        const user = await login(scope, node);
        const { texts } = await ask(user, 'nplraw:hi');
        assert.deepEqual(texts, [`66 ${node.cfg.node.public_key}\n2 hi`]);
    });

    scoped_test('15.48 a message of 128 KiB arrives intact', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        const { texts } = await ask(user, `nplsize:${message_bytes_max}`);
        assert.deepEqual(texts, [`${message_bytes_max} same`]);
    });

    scoped_test('15.49 a larger message arrives not at all, or cut', async (scope) => {
        const node = await nodes.get('plain');
        const user = await login(scope, node);
        const { texts } = await ask(user, each(`nplsize:${beyond_bytes}`, 'nplsize:5'));
        assert.match(texts[0], new RegExp(`^(nothing|${message_bytes_max} same)$`));
        assert.equal(texts[1], '5 same', 'later messages arrive');
        assert.ok(node.running);
    });

    scoped_test(`15.50 ${identical_messages} equal messages all arrive, once`, async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        const { texts } = await ask(user, `nplmany:${identical_messages}:same`);
        assert.deepEqual(texts, [`${identical_messages} ${identical_messages}`]);
    });

    // An observer alone closes no ledger, but it repeats a run that was interrupted.
    for (const role of ['validator', 'observer']) {
        const title = role === 'observer' ? 'hears no echo of its own' : 'hears its own';
        scoped_test(`15.51 the contract of ${role} ${title}`, async (scope) => {
            const node = await start_node(scope, { contract: with_gates() });
            const user = await login(scope, node);
            const call = each(await_gate('repeat'), 'save:../heard.txt=npl:hi');
            const built = await user.submit(call);
            await user.wait_accepted(built.hash);
            await until(() => node.contract_processes().length > 0, { what: 'the run' });
            await node.kill();
            assert.deepEqual(await node.await_no_leftovers(), []);
            assert.ok(!fs.existsSync(private_file(node, 'heard.txt')));
            node.edit_config({ node: { role } });
            open_gate(node, 'repeat');
            await node.run();
            const heard = await wait_private(node, 'heard.txt');
            // A message without text is a line of its own.
            const own = `${node.cfg.node.public_key}:hi\n`;
            assert.equal(heard, role === 'observer' ? '\n' : own);
        });
    }

    scoped_test('15.53 npl_output_bytes drops messages, the contract goes on', async (scope) => {
        const user = await login(scope, await nodes.get('limited'));
        const { texts } = await ask(user, each(`nplmany:3:${limited_message}`, 'echo:alive'));
        assert.deepEqual(texts, ['3 2', 'alive']);
        const again = await ask(user, `nplmany:2:${limited_message}`);
        assert.deepEqual(again.texts, ['2 2'], 'the limit is for one run');
    });

    scoped_test('15.54 a read request has no party line', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        assert.match(await ask_read(user, 'npl:hi'), /^error:/);
    });

    // The one effect is ours: otherwise a read of the party line that waits for ever would keep
    // libraries from ending.
    scoped_test('15.71 contract_end ends pending reads and nothing else', async (scope) => {
        const node = await start_node(scope, {
            config: { mesh: { peer_discovery: { enabled: false } } },
        });
        const user = await login(scope, node);
        const end = 'control:{"type":"contract_end"}';
        const change = { type: 'peer_changeset', add: [peer], remove: [] };
        const add = `control:${JSON.stringify(change)}`;
        const call = each('npl:heard', end, 'npl:unheard', 'append:end.txt=x', add, 'exit:7');
        const { texts } = await ask(user, call);
        const heard = `${node.cfg.node.public_key}:heard`;
        assert.deepEqual(texts, [heard, 'ok', '', 'x', 'ok']);
        const known_peers = async () => {
            const { stdout } = await node.command('status', '--json');
            return JSON.parse(stdout).peers.known;
        };
        await until(async () => (await known_peers()).includes(peer), { what: `peer ${peer}` });
        assert.equal(await ask_read(user, each(end, 'echo:after')), 'ok');
        assert.equal(await ask_read(user, 'read:end.txt'), 'x\n');
    });
});
