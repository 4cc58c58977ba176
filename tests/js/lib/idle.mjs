// SPDX-License-Identifier: Apache-2.0
//
// Rounds in which nobody asks for anything: the state must not change by itself, and what ledgers
// say about it is what is on disk.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { config_root_hex, state_root_hex } from './state_hash.mjs';
import { until } from './util.mjs';

const idle_ledgers = 2;

/** The first ledger after number `seq_no`. */
export async function ledger_after(user, seq_no) {
    user.subscribe('ledger_event');
    const matches = (msg) => msg.event === 'ledger_created' && msg.ledger.seq_no > seq_no;
    const what = `a ledger after number ${seq_no}`;
    return (await user.wait(matches, { from: user.mark(), what })).msg.ledger;
}

/** Checks a few idle ledgers and returns the state hash. */
export async function idle(user, node) {
    const first = await ledger_after(user, (await user.lcl()).ledger_seq_no);
    const last = await ledger_after(user, first.seq_no + idle_ledgers - 1);
    assert.equal(last.state_hash, first.state_hash, 'the state changes by itself');
    assert.equal(last.config_hash, config_root_hex(fs.readFileSync(node.patch_path)));
    const expected = last.state_hash;
    await until(() => live_root(node) === expected, {
        what: `state ${expected} on disk`,
    });
    return expected;
}

/** The contract may be at work on it, and leave it as it was. */
function live_root(node) {
    try {
        return state_root_hex(node.state_dir);
    } catch (error) {
        if (error.code === 'ENOENT') return '';
        throw error;
    }
}
