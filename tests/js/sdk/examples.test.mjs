// SPDX-License-Identifier: Apache-2.0
//
// The contract SDK's examples on a real node, used through the published client. What they do
// without a node is tests/sdk.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { HotPocket, PublishedClient } from '../lib/jsclient.mjs';
import { NodePool, TestNode, bin_dir } from '../lib/node.mjs';
import { until } from '../lib/util.mjs';

const bson = createRequire(import.meta.url)('bson');

const example = (name) => ({
    contract: { files: [[path.join(bin_dir, `${name}_contract`), name]], bin_path: name },
});

const nodes = new NodePool({ counter: example('counter'), npl: example('npl') });

async function with_user(node, options, run) {
    const user = await PublishedClient.connect(node, options);
    try {
        await run(user);
    } catch (error) {
        error.message += `\n--- log\n${node.log_tail()}`;
        throw error;
    } finally {
        await user.close();
    }
}

const is = (expected) => (value) => JSON.stringify(value) === JSON.stringify(expected);

describe('SDK examples on a node', () => {
    after(() => nodes.dispose());

    test('counter: state and answers', async () => {
        const node = await nodes.get('counter');
        await with_user(node, { protocol: 'json' }, async (user) => {
            for (let count = 1; count <= 3; count += 1) {
                await user.submit('x');
                await user.wait_output(is({ count }));
            }
            assert.deepEqual(await user.read('x', 'r'), { count: 3 });
            assert.equal(fs.readFileSync(path.join(node.state_dir, 'count.txt'), 'utf8'), '3');
        });
    });

    test('npl: a node alone agrees with itself', async () => {
        const node = await nodes.get('npl');
        await with_user(node, { protocol: 'json' }, async (user) => {
            await user.submit('roll');
            const output = await user.wait_output((value) => value.number !== undefined);
            assert.match(output.value.number, /^[0-9a-f]{1,16}$/);
            assert.deepEqual(await user.read('show', 'r'), output.value);
        });
    });

    test('upgrade: program and version, from inside', async () => {
        const keys = await HotPocket.generateKeys();
        const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-owner-'));
        const owner_file = path.join(scratch, 'owner.txt');
        fs.writeFileSync(owner_file, Buffer.from(keys.publicKey).toString('hex'));
        const program = path.join(bin_dir, 'upgrade_contract');
        const node = await TestNode.start({
            contract: {
                files: [[program, 'contract'], [owner_file, 'owner.txt']],
                bin_path: 'contract',
            },
        });
        fs.rmSync(scratch, { recursive: true });
        try {
            await with_user(node, { keys, protocol: 'bson' }, (user) => upgrade(node, user));
        } finally {
            await node.dispose();
        }
    });
});

async function upgrade(node, user) {
    const received = [];
    user.client.on(HotPocket.events.contractOutput, (message) => {
        received.push(...message.outputs.map((output) => Buffer.from(output)));
    });
    const wait_for = (what, check) =>
        until(() => received.find(check), { what });

    const reply = await user.client.submitContractReadRequest(bson.serialize({ op: 'version' }));
    assert.deepEqual(bson.deserialize(Buffer.from(reply)), { version: '1.0' });

    // The new program is the echo contract.
    const echo = fs.readFileSync(path.join(bin_dir, 'echo_contract'));
    await user.submit(bson.serialize({ op: 'upgrade', version: '2.0', program: echo }));
    const expected = bson.serialize({ upgraded: '2.0' });
    await wait_for('the answer to the upgrade', (output) => output.equals(expected));

    await user.submit(Buffer.from('now an echo'));
    await wait_for('an echo', (output) => output.toString() === 'now an echo');
    assert.ok(fs.readFileSync(path.join(node.state_dir, 'contract')).equals(echo));
    assert.deepEqual(fs.readdirSync(node.state_dir).sort(), ['contract', 'owner.txt']);
    // The node took the version over from patch.cfg, and wrote the file as it was.
    await until(() => node.read_config().contract.version === '2.0', { what: 'version 2.0' });
    const { version } = JSON.parse(fs.readFileSync(node.patch_path, 'utf8'));
    assert.equal(version, '2.0');
}
