// SPDX-License-Identifier: Apache-2.0
//
// Contracts on the C header, inside a real node and used through the published client.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { with_user } from '../lib/jsclient.mjs';
import { NodePool, bin_dir } from '../lib/node.mjs';
import { until } from '../lib/util.mjs';

const c_contract = (name, bin_args = '') => ({
    contract: { files: [[path.join(bin_dir, name), name]], bin_path: name, bin_args },
});

const nodes = new NodePool({
    sample: c_contract('c_sample_contract'),
    governance: c_contract('c_governance_contract'),
    npl: c_contract('c_npl_contract', '42 1'),
});

/** Submits, and returns the first output of that or a later ledger. */
async function ask(user, text) {
    const { status } = await user.submit(text);
    assert.equal(status.status, 'accepted', status.reason);
    const found = () => user.outputs.find((item) => item.ledger > status.ledgerSeqNo);
    await until(found, { what: `answer to ${text}` });
    return found().value;
}

const read_patch = (node) => fs.readFileSync(node.patch_path, 'utf8');

describe('contract in C', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const protocol of ['json', 'bson']) {
        test(`15.81 inputs, state and reads (${protocol})`, () =>
            with_user(
                nodes.get('sample'),
                async (user) => {
                    assert.equal(await ask(user, 'hello'), 'Echoing: hello');
                    const page = 'p'.repeat(4096);
                    for (const text of ['größe €', page, page + '!']) {
                        await user.submit(text);
                        await user.wait_output(`Echoing: ${text}`);
                    }
                    const lines = /^(ts:\d{13}\n)+$/;
                    await user.submit('ts');
                    await user.wait_output((value) => lines.test(value));
                    assert.match(await user.read('ts', 'first'), lines);
                    assert.equal(await user.read('hello', 'second'), 'Echoing: hello');
                },
                protocol,
            ));
    }

    test('a changed configuration is adopted, byte for byte', () =>
        with_user(nodes.get('governance'), async (user, node) => {
            assert.equal(await user.read('show', 'before'), 'version 1.0, 1 nodes, args ');
            assert.equal(await user.read('version 9', 'refused'), 'refused');
            await user.submit('args --level "2" é');
            await user.submit('version 2.0');
            await user.wait_output((value) => value === 'ok');
            await until(() => node.read_config().contract.version === '2.0', {
                what: 'adoption by the node',
            });
            const text = read_patch(node);
            assert.equal(JSON.stringify(JSON.parse(text), null, 4), text);
            assert.equal(JSON.parse(text).bin_args, '--level "2" é');
            await user.submit('show');
            await user.wait_output('version 2.0, 1 nodes, args --level "2" é');
        }));

    test('a script runs after the contract and is gone', () =>
        with_user(nodes.get('governance'), async (user, node) => {
            await user.submit('script echo done > script.txt');
            await user.wait_output('ok');
            const result = path.join(node.state_dir, 'script.txt');
            await until(() => fs.existsSync(result), { what: 'the script' });
            assert.equal(fs.readFileSync(result, 'utf8'), 'done\n');
            const script = path.join(node.state_dir, 'post_exec.sh');
            await until(() => !fs.existsSync(script), { what: 'its end' });
        }));

    test('NPL comes back to the sender', () =>
        with_user(nodes.get('npl'), async (user) => {
            await user.wait_output('42 of 1');
        }));
});
