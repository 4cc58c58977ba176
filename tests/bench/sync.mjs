#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// What it costs a cluster to give its state to a node that has lost everything: four nodes on this
// machine, one of them wiped while the other three close ledgers. Prints a table for
// docs/performance.md, with the pace of the three before and meanwhile. Results mean something only
// on a machine that does nothing else; the states are on its disk eight times.
//
//   tests/bench/sync.mjs [--mib 1024] [--files 10000] [--roundtime 500] [--ledgers 20] [--quick]

import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { Cluster, seq_of, status_of, wipe } from '../js/lib/cluster.mjs';
import { Scope } from '../js/lib/scope.mjs';
import { range, until } from '../js/lib/util.mjs';

const { values: options } = parseArgs({
    options: {
        mib: { type: 'string', default: '1024' },
        files: { type: 'string', default: '10000' },
        roundtime: { type: 'string', default: '500' },
        ledgers: { type: 'string', default: '20' },
        quick: { type: 'boolean', default: false },
    },
});
const amount = (name, quick) => (options.quick ? quick : Number(options[name]));
const mib = amount('mib', 64);
const files = amount('files', 500);
const ledgers = amount('ledgers', 6);
const roundtime = Number(options.roundtime);

const size = 4;
const threshold = 66; // three of four close ledgers
const piece_bytes = 1024 * 1024;
const small_bytes = 100;
const timeout_ms = 900000;
const every_ms = 50;

/** The same random bytes in the state of every node, piece by piece. */
function fill_big(nodes) {
    const open = ({ state_dir }) => fs.openSync(path.join(state_dir, 'big'), 'w');
    const copies = nodes.map(open);
    for (const _ of range(mib)) {
        const piece = crypto.randomBytes(piece_bytes);
        for (const fd of copies) fs.writeSync(fd, piece);
    }
    for (const fd of copies) fs.closeSync(fd);
}

function fill_small(nodes) {
    for (const number of range(files)) {
        const content = crypto.randomBytes(small_bytes);
        for (const { state_dir } of nodes) {
            fs.writeFileSync(path.join(state_dir, `file-${number}`), content);
        }
    }
}

const shapes = [
    { what: `${mib} MiB in one file`, fill: fill_big, bytes: mib * piece_bytes, count: 1 },
    {
        what: `${files} files of ${small_bytes} bytes`,
        fill: fill_small,
        bytes: files * small_bytes,
        count: files,
    },
];

/** Ledgers a second while `wait()` goes on, and how long that was. */
async function pace_of(node, wait) {
    const look = async () => ({ seq: seq_of(await status_of(node)), ms: performance.now() });
    const before = await look();
    await wait();
    const after = await look();
    const seconds = (after.ms - before.ms) / 1000;
    return { seconds, rate: (after.seq - before.seq) / seconds };
}

async function measure({ what, fill, bytes, count }) {
    const scope = new Scope();
    try {
        const cluster = await Cluster.make(scope, size, {
            config: { contract: { consensus: { mode: 'public', threshold, roundtime } } },
        });
        fill(cluster.nodes);
        await cluster.run();
        await cluster.wait_ledger(3, { timeout_ms });
        await cluster.settle_votes({ timeout_ms });
        const victim = cluster.nodes[size - 1];
        const others = cluster.nodes.slice(0, size - 1);
        await victim.kill();
        wipe(victim);
        const more = () => cluster.wait_more(ledgers, { nodes: others, timeout_ms });
        const before = await pace_of(others[0], more);
        const has_all = async () => {
            const [here, there] = await Promise.all([victim, others[0]].map(status_of));
            const is_same = here.contract.state_root === there.contract.state_root;
            return is_same && here.consensus.vote_status === 'synced';
        };
        const meanwhile = await pace_of(others[0], async () => {
            await victim.run();
            await until(has_all, { timeout_ms, every_ms, what: 'the state' });
        });
        return { what, bytes, count, before, meanwhile };
    } finally {
        await scope.close();
    }
}

const row = (...cells) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

row('state', 'start → votes', 'MB/s', 'files/s', 'ledgers/s before', 'meanwhile', 'lost');
row('---', '---:', '---:', '---:', '---:', '---:', '---:');
for (const shape of shapes) {
    const { what, bytes, count, before, meanwhile } = await measure(shape);
    const { seconds } = meanwhile;
    const lost = 100 * Math.max(0, 1 - meanwhile.rate / before.rate);
    row(
        what,
        `${seconds.toFixed(1)} s`,
        (bytes / 1e6 / seconds).toFixed(1),
        (count / seconds).toFixed(0),
        before.rate.toFixed(2),
        meanwhile.rate.toFixed(2),
        `${lost.toFixed(0)} %`,
    );
}
