// SPDX-License-Identifier: Apache-2.0
//
// patch.cfg in whatever form a contract leaves it: replaced by rename, with keys in another order,
// with keys of its own; and what the run that follows an adoption is told (contract protocol
// section 5, tests 63-67).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe } from 'node:test';

import { scoped_test } from '../lib/scope.mjs';
import { config_root_hex } from '../lib/state_hash.mjs';
import { until } from '../lib/util.mjs';

// Keeps what it was told, and installs the patch.cfg that the test prepared.
const script = `#!/bin/sh
/bin/cat >../doc.tmp && /bin/mv ../doc.tmp ../doc.json
[ ! -f ../next.cfg ] || /bin/mv ../next.cfg ../patch.cfg
`;
const other_key = `ed${'ff'.repeat(32)}`;
const endings = { 'kill -9': (node) => node.kill(), SIGTERM: (node) => node.stop() };

function replacing_contract(scope) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-replace-'));
    scope.at_end(() => fs.rmSync(directory, { recursive: true }));
    fs.writeFileSync(path.join(directory, 'contract.sh'), script, { mode: 0o755 });
    return { files: [], bin_path: path.join(directory, 'contract.sh') };
}

const beside_state = (node, name) => path.join(path.dirname(node.state_dir), name);
const patch_text = (node) => fs.readFileSync(node.patch_path, 'utf8');

/** Has a run install `text`; resolves when it is in force. */
async function install(node, text) {
    const adopted = /configuration changed by the contract ledger=(\d+)/;
    const from = node.log_text().length;
    fs.writeFileSync(beside_state(node, 'prepared.cfg'), text);
    fs.renameSync(beside_state(node, 'prepared.cfg'), beside_state(node, 'next.cfg'));
    const line = await node.wait_log(adopted, { from });
    return Number(adopted.exec(line)[1]);
}

/** The document of the run for this ledger or the first one after it. */
const document_since = (node, seq) =>
    until(() => {
        const file = beside_state(node, 'doc.json');
        const document = fs.existsSync(file) && JSON.parse(fs.readFileSync(file, 'utf8'));
        return document.lcl_seq_no >= seq ? document : null;
    });

async function newest_config_hash(scope, node) {
    const user = await scope.login(node);
    user.subscribe('ledger_event');
    const { config_hash } = await user.next_ledger();
    await user.close();
    return config_hash;
}

describe('recovery: forms of patch.cfg', { concurrency: true }, () => {
    const forms = {
        'the documented one': (patch) => JSON.stringify({ ...patch, version: '2' }, null, 4),
        'keys in another order': ({ version, unl, ...rest }) =>
            JSON.stringify({ ...rest, unl, version: '2' }, null, 4),
        'keys of its own': (patch) =>
            JSON.stringify({ of_mine: [1, { a: null }], ...patch, version: '2' }, null, 4),
        'spaces and a newline at the end': (patch) =>
            ` ${JSON.stringify({ ...patch, version: '2' }, null, 1)} \n\n`,
        'upper case hex': (patch) =>
            JSON.stringify({ ...patch, version: '2', unl: patch.unl.map((k) => k.toUpperCase()) }),
        'a quota of 0': ({ round_limits, ...patch }) =>
            JSON.stringify({
                ...patch,
                version: '2',
                round_limits: { ...round_limits, state_bytes: 0 },
            }),
    };
    for (const [name, make] of Object.entries(forms)) {
        scoped_test(`15.64 ${name}: in force, and kept byte by byte`, async (scope) => {
            const node = await scope.start_node({ contract: replacing_contract(scope) });
            const text = make(JSON.parse(patch_text(node)));
            await install(node, text);
            assert.equal(node.read_config().contract.version, '2');
            for (const end of Object.values(endings)) {
                assert.equal(patch_text(node), text);
                const hash = config_root_hex(Buffer.from(text));
                assert.equal(await newest_config_hash(scope, node), hash);
                await end(node);
                await node.run();
            }
            assert.equal(patch_text(node), text);
            assert.equal(node.read_config().contract.version, '2');
        });
    }

    scoped_test('15.67 the run of the ledger that adopts it knows all of it', async (scope) => {
        const node = await scope.start_node({ contract: replacing_contract(scope) });
        const own_key = node.cfg.node.public_key;
        const patch = JSON.parse(patch_text(node));
        const before = await document_since(node, 1);
        assert.deepEqual(Object.keys(before.unl), [own_key]);
        patch.unl = [own_key, other_key].sort();
        const seq = await install(node, JSON.stringify(patch, null, 4));
        const document = await document_since(node, seq);
        assert.equal(document.lcl_seq_no, seq, 'no later ledger closes without the other node');
        assert.deepEqual(Object.keys(document.unl), [own_key, other_key]);
        assert.equal(document.unl[other_key].active_on, 0);
        assert.deepEqual(node.read_config().contract.unl, [own_key, other_key]);
        await node.wait_log(/\[err\].*no ledger can close.*UNL has 2 members/);
    });

    scoped_test('what the operator edits meanwhile is kept', async (scope) => {
        const node = await scope.start_node({ contract: replacing_contract(scope) });
        node.edit_config({ user: { max_connections: 99 } });
        const patch = JSON.parse(patch_text(node));
        await install(node, JSON.stringify({ ...patch, version: '2' }, null, 4));
        assert.equal(node.read_config().user.max_connections, 99);
        assert.equal(node.read_config().contract.version, '2');
        await node.stop();
        assert.equal(node.read_config().user.max_connections, 99);
    });

    scoped_test('a half edited hp.cfg is not written to', async (scope) => {
        const node = await scope.start_node({ contract: replacing_contract(scope) });
        const whole = fs.readFileSync(node.cfg_path, 'utf8');
        fs.writeFileSync(node.cfg_path, whole.slice(0, 100));
        const patch = JSON.parse(patch_text(node));
        await install(node, JSON.stringify({ ...patch, version: '2' }, null, 4));
        await node.wait_log(/\[err\].*hp\.cfg could not be updated/);
        assert.equal(fs.readFileSync(node.cfg_path, 'utf8'), whole.slice(0, 100));
        await node.stop();
        fs.writeFileSync(node.cfg_path, whole);
        await node.run();
        assert.equal(node.read_config().contract.version, '2', 'written at the next start');
    });
});
