// SPDX-License-Identifier: Apache-2.0
//
// Section 15, tests 19-28: the document on standard input, and the file of the inputs. Test 27 is
// in flood.test.mjs.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, describe } from 'node:test';

import {
    ask,
    ask_in,
    await_ledger,
    idle_ledgers,
    ledger_of,
    login,
    make_node,
    node_pool,
    recorder,
    tests_at_once,
    wait_private,
} from '../lib/contract_kit.mjs';
import { scoped_test } from '../lib/scope.mjs';

const page_bytes = 4096;

const nodes = node_pool({
    plain: {},
    lone: {},
    recorder: { contract: recorder() },
});

const document_keys = {
    'consensus run': [
        'hp_version',
        'contract_id',
        'public_key',
        'private_key',
        'timestamp',
        'readonly',
        'lcl_seq_no',
        'lcl_hash',
        'npl_fd',
        'control_fd',
        'user_in_fd',
        'users',
        'unl',
    ],
    'read request': [
        'hp_version',
        'contract_id',
        'public_key',
        'private_key',
        'timestamp',
        'readonly',
        'control_fd',
        'user_in_fd',
        'users',
        'unl',
    ],
};

/** "<offset> <length> <hex> <hex of the byte behind>" of the `inputs` probe. */
function parse_inputs(text) {
    return text.split('\n').map((line) => {
        const [offset, length, hex, behind] = line.split(' ');
        return { offset: +offset, length: +length, bytes: Buffer.from(hex, 'hex'), behind };
    });
}

describe('15 document and inputs', tests_at_once, () => {
    after(() => nodes.dispose());

    for (const [mode, ask_mode] of Object.entries(ask_in)) {
        scoped_test(`15.19 keys, order and types of the document (${mode})`, async (scope) => {
            const node = await nodes.get('plain');
            const user = await login(scope, node);
            const text = await ask_mode(user, 'context');
            const document = JSON.parse(text);
            assert.deepEqual(Object.keys(document), document_keys[mode]);
            assert.equal(JSON.stringify(document), text, 'compact, without a newline');
            assert.match(text, /^[\x20-\x7e]+$/);
            const { node: own, contract } = node.cfg;
            assert.match(document.hp_version, /^\d+\.\d+\.\d+$/);
            assert.equal(document.contract_id, contract.id);
            assert.equal(document.contract_id.length, 36);
            assert.equal(document.public_key, own.public_key);
            assert.equal(document.private_key, own.private_key);
            for (const key of ['control_fd', 'user_in_fd']) {
                assert.ok(Number.isInteger(document[key]), key);
            }
            assert.equal(document.readonly, mode === 'read request');
            assert.ok(user.keys.hex in document.users);
            for (const [key, [fd, ...inputs]] of Object.entries(document.users)) {
                assert.match(key, /^ed[0-9a-f]{64}$/);
                assert.ok(Number.isInteger(fd) && fd > 2);
                for (const pair of inputs) {
                    assert.ok(pair.length === 2 && pair.every(Number.isInteger));
                }
            }
            assert.deepEqual(Object.keys(document.users), Object.keys(document.users).sort());
            assert.deepEqual(Object.keys(document.unl), [own.public_key]);
            const { active_on, ...rest } = document.unl[own.public_key];
            assert.deepEqual(rest, {});
            assert.ok(Number.isInteger(active_on));
            if (mode === 'read request') assert.equal(document.timestamp, 0);
        });
    }

    scoped_test('15.19 ledger number, hash and time are those of the ledger', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        const { texts, status } = await ask(user, 'context');
        const document = JSON.parse(texts[0]);
        assert.equal(document.lcl_seq_no, status.ledger_seq_no);
        assert.equal(document.lcl_hash, status.ledger_hash);
        assert.equal(document.timestamp, (await ledger_of(user, status.ledger_seq_no)).timestamp);
        assert.ok(Number.isInteger(document.npl_fd));
    });

    scoped_test('15.20 no users: an empty object, and the end of the file', async (scope) => {
        const node = scope.watch(await nodes.get('recorder'));
        // The script's `cat` ends, because the document is followed by the end of the file.
        const text = await wait_private(node, 'doc.json');
        assert.ok(text.includes('"users":{},'), text);
        // The bytes themselves, as no library has seen them.
        assert.equal(JSON.stringify(JSON.parse(text)), text);
    });

    scoped_test('15.21 a user without an input has an output and nothing else', async (scope) => {
        const node = await nodes.get('plain');
        const idle = await login(scope, node);
        const user = await login(scope, node);
        // The agreed list of users follows connections by a ledger.
        await idle_ledgers(user, 2);
        const { users } = JSON.parse((await ask(user, 'context')).texts[0]);
        assert.equal(users[idle.keys.hex].length, 1);
        assert.ok(Number.isInteger(users[idle.keys.hex][0]));
        assert.equal(users[user.keys.hex].length, 2);
    });

    scoped_test('15.22 inputs come in the order of their nonces', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        user.subscribe('ledger_event');
        for (let attempt = 0; attempt < 8; attempt += 1) {
            const max = await user.farthest_ledger();
            const first = user.make_input(`first ${attempt}`, { max });
            const second = user.make_input('order', { max });
            await user.next_ledger();
            const from = user.mark();
            user.send_input(second);
            user.send_input(first);
            const later = await user.wait_accepted(second.hash, { from });
            const earlier = await user.wait_status(first.hash, { from });
            // A ledger closed between the two: the second one of them is too late.
            if (earlier.ledger_seq_no !== later.ledger_seq_no) continue;
            assert.equal(earlier.status, 'accepted');
            await user.wait_output(`first ${attempt}\norder`, { from });
            return;
        }
        assert.fail('the two inputs never shared a ledger');
    });

    scoped_test('15.23 a JSON input is its text in UTF-8, on pages', async (scope) => {
        const user = await login(scope, await nodes.get('plain'), { protocol: 'json' });
        const text = 'inputs:héllo';
        const [input] = parse_inputs((await ask(user, text)).texts[0]);
        assert.deepEqual(input.bytes, Buffer.from(text));
        assert.equal(input.length, Buffer.byteLength(text));
        assert.equal(input.offset % page_bytes, 0);
        assert.equal(input.behind, '00');
    });

    scoped_test('15.24 a BSON input is exactly its bytes', async (scope) => {
        const user = await login(scope, await nodes.get('plain'));
        const bytes = Buffer.concat([Buffer.from('inputs:'), Buffer.from([0x00, 0xff, 0x01])]);
        for (const [mode, ask_mode] of Object.entries(ask_in)) {
            const [input] = parse_inputs(await ask_mode(user, bytes));
            assert.deepEqual(input.bytes, bytes, mode);
            assert.equal(input.offset % page_bytes, 0);
            assert.equal(input.behind, '00');
        }
    });

    scoped_test('15.24 an input of whole pages has no byte behind it', async (scope) => {
        const user = await login(scope, await nodes.get('lone'));
        const text = 'inputs:'.padEnd(2 * page_bytes, 'x');
        const [input] = parse_inputs((await ask(user, text)).texts[0]);
        assert.equal(input.bytes.toString(), text);
        assert.equal(input.behind, '');
    });

    for (const [mode, ask_mode] of Object.entries(ask_in)) {
        scoped_test(`15.25 nobody can change the input file (${mode})`, async (scope) => {
            const user = await login(scope, await nodes.get('plain'));
            const answer = await ask_mode(user, 'memfdwrite');
            const attempts = answer.split(' ').map((item) => item.split('='));
            assert.deepEqual(
                attempts.map(([name]) => name),
                ['write', 'ftruncate', 'mmap', 'reopened'],
            );
            for (const [name, result] of attempts) {
                assert.match(result, /^(EPERM|EACCES|EBADF|EINVAL)$/, name);
            }
        });

        scoped_test(`15.26 the file can be mapped in whole pages (${mode})`, async (scope) => {
            const user = await login(scope, await nodes.get('plain'));
            const text = 'mapped:as a C string';
            const [zeros, ...strings] = (await ask_mode(user, text)).split('\n');
            assert.ok(strings.includes(text), 'zero bytes follow the input');
            assert.ok(Number(zeros) >= page_bytes - text.length);
        });
    }

    scoped_test('15.28 one read gives the whole of a small document', async (scope) => {
        const node = await make_node(scope, {
            contract: {
                texts: {
                    'contract.sh':
                        '#!/bin/sh\ndd bs=4096 count=1 of=../first.tmp 2>/dev/null\n' +
                        'cat >../rest.tmp\nmv ../rest.tmp ../rest\nmv ../first.tmp ../first\n',
                },
                bin_path: 'contract.sh',
            },
        });
        await node.run();
        const user = await login(scope, node);
        await await_ledger(user, 2);
        const first = await wait_private(node, 'first');
        assert.ok(first.length <= page_bytes);
        assert.deepEqual(Object.keys(JSON.parse(first)), document_keys['consensus run']);
        assert.equal(fs.readFileSync(`${node.private_dir}/rest`, 'utf8'), '');
    });
});
