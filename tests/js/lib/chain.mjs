// SPDX-License-Identifier: Apache-2.0
//
// Reads a node's whole chain through ledger queries and checks what must be true of it whatever
// happened to the node. The node must run in consensus mode "public" and keep raw data.

import assert from 'node:assert/strict';

import { b3_list_hex, output_hash_hex, zero_hash } from './crypto.mjs';
import { range } from './util.mjs';

const queries_at_once = 20;
// What the probe answers when there was no room for what it should write: nothing of it is there.
const disk_full = 'error:ENOSPC';

/** The first `count` ledgers as the node has them; undefined where it has none. */
export async function query_ledgers(client, count, include = []) {
    const ledgers = [];
    while (ledgers.length < count) {
        const first = ledgers.length + 1;
        const numbers = range(Math.min(queries_at_once, count - ledgers.length));
        const ask = async (at) => {
            const seq_no = first + at;
            const { error, results } = await client.query(seq_no, include, `ledger ${seq_no}`);
            assert.equal(error, null, `query of ledger ${seq_no}`);
            return results[0];
        };
        ledgers.push(...(await Promise.all(numbers.map(ask))));
    }
    return ledgers;
}

/** All ledgers, oldest first, with inputs and outputs. */
export async function read_chain(client) {
    const { ledger_seq_no } = await client.lcl();
    const ledgers = await query_ledgers(client, ledger_seq_no, ['inputs', 'outputs']);
    for (const [at, ledger] of ledgers.entries()) assert.ok(ledger, `ledger ${at + 1} is missing`);
    return ledgers;
}

/** Links, ascending times, and header hashes that can be computed from inputs. */
export function check_links(ledgers) {
    let previous = { hash: zero_hash, timestamp: 0, seq_no: 0 };
    for (const ledger of ledgers) {
        assert.equal(ledger.seq_no, previous.seq_no + 1);
        assert.equal(ledger.prev_hash, previous.hash, `prev_hash of ledger ${ledger.seq_no}`);
        assert.ok(ledger.timestamp > previous.timestamp, `time of ledger ${ledger.seq_no}`);
        // "Ordered hash": nonce, then input hash, over all users.
        const ordered = [...ledger.inputs].sort(
            (a, b) => a.nonce - b.nonce || (a.hash < b.hash ? -1 : 1),
        );
        const hashes = ordered.map((input) => Buffer.from(input.hash, 'hex'));
        assert.equal(ledger.input_hash, b3_list_hex(hashes), `inputs of ${ledger.seq_no}`);
        for (const output of ledger.outputs) {
            const blobs = output.blobs.map((blob) => Buffer.from(blob, 'hex'));
            const key = Buffer.from(output.pubkey, 'hex');
            assert.equal(output.hash, output_hash_hex(key, blobs), `outputs of ${ledger.seq_no}`);
        }
        previous = ledger;
    }
}

/** Inputs in the order in which the contract got them: { seq_no, pubkey, hash, text }. */
export function executed_inputs(ledgers) {
    const text_of = (blob) => Buffer.from(blob, 'hex').toString();
    return ledgers.flatMap((ledger) =>
        ledger.inputs.map((input) => ({
            seq_no: ledger.seq_no,
            pubkey: input.pubkey,
            hash: input.hash,
            text: text_of(input.blob),
        })),
    );
}

/** Every input is there once; what a user was told about it is what the chain says. */
export function check_promises(ledgers, users, { distinct_outputs = true } = {}) {
    const executed = executed_inputs(ledgers);
    const found = new Map();
    for (const item of executed) {
        const twice = found.get(item.hash);
        assert.ok(!twice, `"${item.text}" is in ledgers ${twice?.seq_no} and ${item.seq_no}`);
        found.set(item.hash, item);
    }
    for (const user of users) {
        for (const input of user.inputs) check_promise(input, found.get(input.hash), ledgers);
        if (!distinct_outputs) continue;
        const texts = user.outputs.map(({ text }) => text).filter((text) => text !== disk_full);
        assert.equal(new Set(texts).size, texts.length, 'an output was delivered twice');
    }
}

function check_promise(input, found, ledgers) {
    const name = `input ${input.number} "${input.text.slice(0, 40)}"`;
    const told = JSON.stringify(input.statuses);
    const accepted = input.statuses.filter((status) => status.status === 'accepted');
    for (const status of accepted) {
        assert.ok(found, `${name} was accepted but is in no ledger; told ${told}`);
        assert.equal(found.seq_no, status.ledger_seq_no, `${name}; told ${told}`);
        assert.equal(ledgers[found.seq_no - 1].hash, status.ledger_hash, `${name}; told ${told}`);
    }
    const repeated = input.statuses.some((status) => status.reason === 'already_submitted');
    if (repeated) assert.ok(found, `${name} is in no ledger; told ${told}`);
    // A repeated input may be told that it is too late although its first copy was in time.
    if (found && accepted.length === 0 && input.statuses.length > 0) {
        assert.ok(input.sent > 1, `${name} was rejected but is in the chain; told ${told}`);
    }
}

/**
 * A contract that answers each input with one output: they are in the following ledger. The inputs
 * for which its disk was full, so that they had no effect.
 */
export function check_outputs(ledgers, answer_of) {
    const without_effect = [];
    for (const [at, ledger] of ledgers.slice(0, -1).entries()) {
        const actual = new Map(
            ledgers[at + 1].outputs.map((output) => [
                output.pubkey,
                output.blobs.map((blob) => Buffer.from(blob, 'hex').toString()),
            ]),
        );
        const expected = new Map();
        for (const input of executed_inputs([ledger])) {
            const answers = expected.get(input.pubkey) ?? [];
            const failed = actual.get(input.pubkey)?.[answers.length] === disk_full;
            if (failed) without_effect.push(input.hash);
            expected.set(input.pubkey, [...answers, failed ? disk_full : answer_of(input.text)]);
        }
        assert.deepEqual(actual, expected, `outputs of the run of ledger ${ledger.seq_no}`);
    }
    return without_effect;
}
