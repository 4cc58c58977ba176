// SPDX-License-Identifier: Apache-2.0
//
// Section 15, test 27: so many inputs that their document is larger than a pipe. Signing them keeps
// this process busy, so nothing else is here.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import {
    await_gate,
    await_ledger,
    login,
    open_gate,
    start_node,
    with_gates,
} from '../lib/contract_kit.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, until } from '../lib/util.mjs';

const pipe_bytes = 65536;
const flood_inputs = 20000;
const count_every = 2000;
const quiet_samples = 5;
const quiet_every_ms = 100;

/** Whether all threads of a process sleep. One that waits for a processor does not. */
function is_asleep(pid) {
    return fs.readdirSync(`/proc/${pid}/task`).every((task) => {
        const stat = fs.readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1');
        return stat[stat.lastIndexOf(')') + 2] === 'S';
    });
}

/** Waits until the node has nothing to do: it goes on verifying what it has read. */
async function await_quiet(node) {
    let quiet = 0;
    const is_quiet = () => {
        quiet = is_asleep(node.pid) ? quiet + 1 : 0;
        return quiet >= quiet_samples;
    };
    await until(is_quiet, {
        every_ms: quiet_every_ms,
        what: 'a quiet node',
    });
}

scoped_test(`15.27 ${flood_inputs} inputs in one round`, async (scope) => {
    const node = await start_node(scope, { contract: with_gates() });
    const user = await login(scope, node);
    // While a run lasts, inputs wait for the ledger after it.
    const gate = await user.submit(await_gate('flood'));
    await user.wait_accepted(gate.hash);
    const max = await user.farthest_ledger();
    const from = user.mark();
    for (const at of range(flood_inputs)) {
        const text = at % count_every === 0 ? 'count' : `ignore:${at}`;
        user.send_input(user.make_input(text, { max }));
    }
    user.send({ type: 'lcl' });
    await user.wait('lcl_response', { from });
    await await_quiet(node);
    open_gate(node, 'flood');
    const statuses = () => user.messages('contract_input_status', from);
    await until(() => statuses().length >= flood_inputs, {
        every_ms: 100,
        what: `${flood_inputs} statuses`,
    });
    const counts = new Map();
    for (const { msg } of statuses()) {
        assert.equal(msg.status, 'accepted', msg.reason);
        counts.set(msg.ledger_seq_no, (counts.get(msg.ledger_seq_no) ?? 0) + 1);
    }
    await await_ledger(user, Math.max(...counts.keys()) + 1);
    // A slow machine verifies some too late for the first ledger.
    let largest = 0;
    let answers = 0;
    for (const { msg } of user.messages('contract_output', from)) {
        const texts = msg.outputs.map((output) => user.content_text(output));
        for (const text of texts.filter((item) => item !== 'awaited')) {
            const [seen, document_bytes] = text.split(' ').map(Number);
            assert.equal(seen, counts.get(msg.ledger_seq_no - 1));
            largest = Math.max(largest, document_bytes);
            answers += 1;
        }
    }
    assert.equal(answers, flood_inputs / count_every);
    assert.ok(largest > pipe_bytes, `the largest document has ${largest} bytes`);
});
