// SPDX-License-Identifier: Apache-2.0
//
// Section 15, test 80: a contract on the published library that listens to the party line. Other
// tests of that library are in interop/nodejs_contract.test.mjs.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import {
    ask,
    ask_read,
    await_ledger,
    login,
    start_node,
    tests_at_once,
} from '../lib/contract_kit.mjs';
import { script_contract } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';

// Longer than starting Node.js takes on a busy machine.
const exec_timeout_ms = 8000;
const modules = ['hotpocket-nodejs-contract'];

describe('15 libraries', tests_at_once, () => {
    scoped_test('15.80 onMessage with forceTerminate: ledgers go on', async (scope) => {
        const node = await start_node(scope, {
            contract: script_contract('listener.js', { args: 'force', modules }),
        });
        const user = await login(scope, node);
        for (let count = 0; count < 3; count += 1) {
            const { texts, seq_no } = await ask(user, 'hello');
            assert.deepEqual(texts, [`${node.cfg.node.public_key}:ledger ${seq_no}`]);
            await await_ledger(user, seq_no + 2);
        }
        assert.equal(await ask_read(user, 'hello'), 'read');
    });

    scoped_test('15.80 onMessage without it: the run lasts until its timeout', async (scope) => {
        const node = await start_node(scope, {
            contract: script_contract('listener.js', { modules }),
            config: { contract: { round_limits: { exec_timeout: exec_timeout_ms } } },
        });
        const user = await login(scope, node);
        const { texts, seq_no } = await ask(user, 'hello');
        assert.deepEqual(texts, [`${node.cfg.node.public_key}:ledger ${seq_no}`]);
        await node.wait_log(new RegExp(`ended abnormally.*seq=${seq_no} .*time`));
    });
});
