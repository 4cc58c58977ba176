#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// What a ledger costs on the wire, by the number of members: starts real clusters on this machine,
// lets them close empty ledgers, and counts the messages and bytes that the nodes say they have
// sent to each other. Prints a table for docs/performance.md; exits with 1 when rounds passed
// without a ledger.
//
//   tests/bench/traffic.mjs [--sizes 3,5,7,10,20] [--ledgers 20] [--roundtime 1000]
//
// The model is for clusters that do not fit on one machine; docs/performance.md explains it.

import process from 'node:process';
import { parseArgs } from 'node:util';

import { Cluster, seq_of, status_of } from '../js/lib/cluster.mjs';
import { Scope } from '../js/lib/scope.mjs';

const { values: options } = parseArgs({
    options: {
        sizes: { type: 'string', default: '3,5,7,10,20' },
        ledgers: { type: 'string', default: '20' },
        roundtime: { type: 'string', default: '1000' },
        threshold: { type: 'string', default: '80' },
    },
});
const sizes = options.sizes.split(',').map(Number);
const ledgers = Number(options.ledgers);
const roundtime = Number(options.roundtime);
const threshold = Number(options.threshold);

const settle_ms = 120000;
const fields = ['messages_out', 'bytes_out'];

async function totals(nodes) {
    const seen = await Promise.all(nodes.map(status_of));
    const sum = { at: process.hrtime.bigint(), seq: Math.max(...seen.map(seq_of)) };
    for (const field of fields) sum[field] = seen.reduce((all, { peers }) => all + peers[field], 0);
    return sum;
}

async function measure(size) {
    const scope = new Scope();
    try {
        const cluster = await Cluster.start(scope, size, {
            config: { contract: { consensus: { mode: 'public', threshold, roundtime } } },
        });
        await cluster.wait_ledger(3, { timeout_ms: settle_ms });
        await cluster.settle_votes({ timeout_ms: settle_ms });
        const before = await totals(cluster.nodes);
        await cluster.wait_more(ledgers, { timeout_ms: settle_ms + 5 * ledgers * roundtime });
        const after = await totals(cluster.nodes);
        const closed = after.seq - before.seq;
        const rounds = Number(after.at - before.at) / 1e6 / roundtime;
        return {
            size,
            closed,
            missed: Math.max(0, Math.floor(rounds) - closed),
            messages: (after.messages_out - before.messages_out) / closed,
            bytes: (after.bytes_out - before.bytes_out) / closed,
        };
    } finally {
        await scope.close();
    }
}

/**
 * An empty ledger of one attempt: every member sends its OPEN, RESULT, PREPARE and COMMIT to all
 * others, the leader its PROPOSE as well. Bytes as docs/protocol/peer.md has them; the block cites
 * the OPENs and results of all.
 */
function model(size) {
    const others = size - 1;
    const votes = 195 + 299 + 2 * 144;
    const propose = 373 + size * (65 + 297);
    return { messages: others * (4 * size + 1), bytes: others * (size * votes + propose) };
}

const row = (cells) => `| ${cells.join(' | ')} |`;
const kib = (bytes) => (bytes / 1024).toFixed(1);

const titles = ['members', 'ledgers', 'missed', 'messages', 'KiB', 'KiB by each'];
titles.push('model: messages', 'KiB');
console.log(row(titles));
console.log(row(titles.map(() => '---')));
let missed = 0;
for (const size of sizes) {
    const seen = await measure(size);
    const expected = model(size);
    missed += seen.missed;
    console.log(
        row([
            size,
            seen.closed,
            seen.missed,
            seen.messages.toFixed(0),
            kib(seen.bytes),
            kib(seen.bytes / size),
            expected.messages,
            kib(expected.bytes),
        ]),
    );
}
const large = model(100);
console.log(row([100, '-', '-', '-', '-', '-', large.messages, kib(large.bytes)]));
process.exitCode = missed === 0 ? 0 : 1;
