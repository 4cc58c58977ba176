// SPDX-License-Identifier: Apache-2.0
//
// What tests of contracts share: contracts made of a few lines, texts for the probe contract, and
// answers of the contract in either mode.

import fs from 'node:fs';
import path from 'node:path';

import { NodePool, probe_path } from './node.mjs';
import { until } from './util.mjs';

const record_separator = '\u001e';
const gates_dir = 'gates';

// ---- nodes that take inputs for ledgers far ahead: on a busy machine many may close meanwhile

/** Tests of a file at a time: all of them at once keep a small machine from answering in time. */
export const tests_at_once = { concurrency: 6 };

function patient(options = {}) {
    const contract = { max_input_ledger_offset: 0, ...options.config?.contract };
    return { ...options, config: { ...options.config, contract } };
}

export const start_node = (scope, options) => scope.start_node(patient(options));
export const make_node = (scope, options) => scope.make_node(patient(options));

export const node_pool = (options_by_name) =>
    new NodePool(
        Object.fromEntries(
            Object.entries(options_by_name).map(([name, options]) => [name, patient(options)]),
        ),
    );

// ---- contracts

/** The probe contract outside the state, which starts empty. */
export const bare_probe = () => ({ bin_path: probe_path });

/** A shell script as contract. */
export const shell_contract = (lines, texts = {}) => ({
    texts: { 'contract.sh': `#!/bin/sh\n${lines}\n`, ...texts },
    bin_path: 'contract.sh',
});

/**
 * Keeps the standard input of its latest run in the private directory. Renaming makes a reader find
 * whole files only.
 */
export const recorder = () => shell_contract('cat >../doc.tmp && mv ../doc.tmp ../doc.json');

/** The contract with gates: files by which a test lets a waiting run go on. */
export const with_gates = (contract = bare_probe()) => ({
    ...contract,
    // There from the start, because read requests see what was there when they began.
    texts: { ...contract.texts, [`../${gates_dir}/.keep`]: '' },
});

export const await_gate = (name) => `await:../${gates_dir}/${name}`;

export function open_gate(node, name) {
    fs.writeFileSync(path.join(node.private_dir, gates_dir, name), '');
}

/** Several probes from one input: they share a run. */
export const each = (...calls) => `each:${calls.join(record_separator)}`;

// ---- files of a node

export const private_file = (node, name) => path.join(node.private_dir, name);

/** The content of a file once it has some. */
export function wait_private(node, name, { accept = (text) => text !== '' } = {}) {
    const full = private_file(node, name);
    const look = () => {
        const text = fs.existsSync(full) ? fs.readFileSync(full, 'utf8') : null;
        return text !== null && accept(text) ? { text } : null;
    };
    return until(look, { what: `file ${name}` }).then((found) => found.text);
}

// ---- answers

/** A user who sees the bytes that the contract sent, whatever they look like. */
export const login = (scope, node, options = {}) =>
    scope.login(node, { protocol: 'bson', ...options });

/** Submits, and waits for the output of the run: { built, status, texts, output }. */
export async function ask(client, text, options = {}) {
    const built = await client.submit(text, options);
    const status = await client.wait_accepted(built.hash, { from: built.from });
    const matches = (msg) =>
        msg.type === 'contract_output' && msg.ledger_seq_no === status.ledger_seq_no + 1;
    const what = `output of "${String(text).slice(0, 60)}"`;
    const { msg } = await client.wait(matches, {
        from: built.from,
        what,
    });
    const texts = msg.outputs.map((output) => client.content_text(output));
    return { built, status, texts, output: msg, seq_no: status.ledger_seq_no };
}

let next_read = 0;

/** The first response to a read request. */
export async function ask_read(client, text) {
    next_read += 1;
    const id = `read ${next_read}`;
    const from = client.mark();
    client.read(id, text);
    const matches = (msg) => msg.type === 'contract_read_response' && msg.reply_for === id;
    const record = await client.wait(matches, {
        from,
        what: `response to "${String(text).slice(0, 60)}"`,
    });
    return client.content_text(record.msg.content);
}

/** Asks in one of the two modes; what "consensus" and "read" tests have in common. */
export const ask_in = {
    'consensus run': async (client, text) => (await ask(client, text)).texts[0],
    'read request': ask_read,
};

/** Waits until ledger `seq_no` is there. */
export async function await_ledger(client, seq_no) {
    client.subscribe('ledger_event');
    if ((await client.lcl()).ledger_seq_no >= seq_no) return;
    await client.next_ledger({ from: 0, where: (ledger) => ledger.seq_no >= seq_no });
}

/** Waits for `count` more ledgers; the number of the last one. */
export async function idle_ledgers(client, count = 3) {
    const { ledger_seq_no } = await client.lcl();
    await await_ledger(client, ledger_seq_no + count);
    return ledger_seq_no + count;
}

export const ledger_of = async (client, seq_no) => (await client.query(seq_no)).results[0];

/** All fields of /proc/<pid>/status as the contract reads them. */
export function parse_status(text) {
    return Object.fromEntries(
        text
            .split('\n')
            .filter(Boolean)
            .map((line) => line.split(/:\s*/, 2)),
    );
}

/**
 * What the log says about a run for a ledger that was out of the ordinary: { end, code, ... }
 * as texts.
 */
export async function run_line(node, seq_no) {
    const line = await node.wait_log(new RegExp(`contract run seq=${seq_no} `));
    return Object.fromEntries([...line.matchAll(/(\w+)=(\S+)/g)].map(([, ...pair]) => pair));
}
