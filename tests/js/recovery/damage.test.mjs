// SPDX-License-Identifier: Apache-2.0
//
// Files that are damaged, torn or missing while the node is stopped. The rule: repaired from what
// is known to be right, or refused with a reason; never a wrong state and never a lost ledger
// without a word.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe } from 'node:test';

import { TestNode } from '../lib/node.mjs';
import { RawClient } from '../lib/rawclient.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { range, until } from '../lib/util.mjs';

const damaged_code = 8;
const refused = 255;
const page_bytes = 4096;
const inputs = 12;
const long_roundtime_ms = 2000;
const reader_ms = 20000;

const file_in = (node, ...names) => path.join(node.dir, ...names);
const ledger_files = (node) =>
    fs
        .readdirSync(file_in(node, 'ledger_fs'))
        .filter((name) => name.startsWith('ledger.db'))
        .map((name) => file_in(node, 'ledger_fs', name));

/** Flips one bit of every copy of `bytes`; how many there were. */
function damage(files, bytes) {
    let count = 0;
    for (const file of files) {
        const content = fs.readFileSync(file);
        for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + 1)) {
            content[at + (bytes.length >> 1)] ^= 0x10;
            count += 1;
        }
        fs.writeFileSync(file, content);
    }
    return count;
}

/** The content of ledger.db and its companions by name. */
const save_ledgers = (node) =>
    new Map(ledger_files(node).map((file) => [file, fs.readFileSync(file)]));

function put_back(node, saved) {
    for (const file of ledger_files(node)) fs.unlinkSync(file);
    for (const [file, content] of saved) {
        // The index of the write-ahead log is made anew; an old one could only mislead.
        if (!file.endsWith('-shm')) fs.writeFileSync(file, content);
    }
}

/** Runs a node that should refuse; its log. */
async function run_refused(node) {
    const exit = await node.try_run();
    const log = last_start(node);
    await node.kill();
    assert.ok(exit, 'the node runs');
    assert.equal(exit.code, refused, node.exit_text());
    assert.match(log, /\[err\]/);
    return log;
}

/** The log since the node was started last. */
function last_start(node) {
    const log = node.log_text();
    return log.slice(Math.max(0, log.lastIndexOf('hpnode starting')));
}

describe('recovery: a damaged ledger.db', () => {
    let node;
    let samples;
    let good; // the content of all files of ledger_fs

    before(async () => {
        node = await TestNode.start({
            config: { node: { history: 'full' }, contract: { consensus: { roundtime: 50 } } },
        });
        const user = await RawClient.login(node);
        samples = [];
        for (const number of range(inputs)) {
            const text = `input number ${number} ${crypto.randomUUID()}`;
            const line = `append:log.txt=${text}`;
            const { built, status, output } = await user.echo(line, { expected: text });
            const ledger = (await user.query(status.ledger_seq_no)).results[0];
            samples.push({ text, built, ledger, output, seq_no: status.ledger_seq_no });
        }
        await user.close();
        await node.stop();
        good = save_ledgers(node);
    });

    after(() => node.dispose({ expect_clean: false }));

    const restore = () => put_back(node, good);

    async function verify(flags = []) {
        return node.command('ledger verify', ...flags);
    }

    const hex = (value) => Buffer.from(value, 'hex');
    const targets = {
        'the hash of a ledger': (sample) => hex(sample.ledger.hash),
        'its state hash and config hash': ({ ledger }) =>
            hex(ledger.state_hash + ledger.config_hash),
        'its input hash': (sample) => hex(sample.ledger.input_hash),
        'an input': (sample) => Buffer.from(sample.text),
        'the signature of an input': (sample) => sample.built.sig,
        'the hash of an output': (sample) => hex(sample.output.output_hash),
    };
    for (const [name, bytes_of] of Object.entries(targets)) {
        scoped_test(`verify finds ${name} damaged and names the ledger`, async (scope) => {
            scope.watch(node);
            restore();
            assert.equal((await verify()).code, 0);
            const sample = samples[inputs >> 1];
            assert.ok(damage(ledger_files(node), bytes_of(sample)) > 0, 'not found in the file');
            const { code, stderr } = await verify();
            assert.equal(code, damaged_code, stderr);
            const named = Number(/ledger (\d+)/.exec(stderr)?.[1]);
            // State hashes repeat from ledger to ledger; outputs are in the next one.
            assert.ok(named > 0 && named <= sample.seq_no + 1, stderr);
            const json = JSON.parse((await verify(['--json'])).stdout);
            assert.equal(json.ok, false);
            assert.match(json.error, /ledger \d+/);
        });
    }

    scoped_test('verify finds damaged pages', async (scope) => {
        scope.watch(node);
        const [file] = [...good.keys()].filter((name) => name.endsWith('ledger.db'));
        const pages = Math.floor(good.get(file).length / page_bytes);
        assert.ok(pages > 8, 'a database of some size');
        let found = 0;
        for (const page of range(pages)) {
            restore();
            const content = Buffer.from(good.get(file));
            crypto.randomFillSync(content, page * page_bytes, page_bytes);
            fs.writeFileSync(file, content);
            const { code, signal, stderr } = await verify();
            assert.equal(signal, null);
            // A page may hold nothing that belongs to a ledger.
            assert.ok([0, damaged_code].includes(code), `page ${page}: ${code} ${stderr}`);
            if (code === damaged_code) {
                assert.notEqual(stderr, '');
                found += 1;
            }
        }
        assert.ok(found > pages / 2, `${found} of ${pages} damaged pages were found`);
    });

    scoped_test('verify finds a truncated database', async (scope) => {
        scope.watch(node);
        const [file] = [...good.keys()].filter((name) => name.endsWith('ledger.db'));
        for (const share of [0.25, 0.5, 0.9]) {
            restore();
            fs.truncateSync(file, Math.floor(good.get(file).length * share));
            const { code, stderr } = await verify();
            assert.equal(code, damaged_code, `${share}: ${stderr}`);
        }
    });

    scoped_test('run refuses a damaged newest ledger', async (scope) => {
        scope.watch(node);
        restore();
        await node.run();
        const user = await scope.login(node);
        const { ledger_hash } = await user.lcl();
        user.subscribe('ledger_event');
        await user.next_ledger();
        await node.stop();
        const last = JSON.parse((await verify(['--json'])).stdout).last;
        assert.ok(last > 0);
        const db = file_in(node, 'ledger_fs/ledger.db');
        const newest = last_hash_of_log(node);
        assert.notEqual(newest, ledger_hash.slice(0, 8));
        const content = fs.readFileSync(db);
        const at = content.indexOf(Buffer.from(newest, 'hex'));
        assert.ok(at > 0, 'the newest hash is in the file');
        content[at + 6] ^= 1;
        fs.writeFileSync(db, content);
        const log = await run_refused(node);
        assert.match(log, new RegExp(`\\[err\\].*ledger ${last}\\b`));
        assert.equal((await verify()).code, damaged_code);
    });

    scoped_test('run refuses a file that is no database', async (scope) => {
        scope.watch(node);
        restore();
        fs.writeFileSync(file_in(node, 'ledger_fs/ledger.db'), 'x'.repeat(page_bytes * 4));
        assert.match(await run_refused(node), /\[err\].*database/);
    });

    scoped_test('run refuses a state without its ledgers', async (scope) => {
        scope.watch(node);
        restore();
        await node.run();
        await node.stop();
        const saved = save_ledgers(node);
        put_back(node, new Map());
        await run_refused(node);
        // The state was not touched: with the ledgers back it goes on.
        put_back(node, saved);
        await node.run();
        const user = await scope.login(node);
        user.read('r', 'read:log.txt');
        const { msg } = await user.wait('contract_read_response');
        assert.equal(msg.content, samples.map((sample) => `${sample.text}\n`).join(''));
        await node.stop();
    });
});

describe('recovery: ledgers that went missing', { concurrency: true }, () => {
    scoped_test('run refuses an older copy of the ledgers', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await user.echo('append:log.txt=first', { expected: 'first' });
        await node.stop();
        const old = save_ledgers(node);
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        await again.echo('append:log.txt=second', { expected: 'second' });
        await node.stop();
        put_back(node, old);
        await run_refused(node);
    });

    // After kill -9 the newest ledgers are only there.
    scoped_test('run refuses a killed node without its ledger.db-wal', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await user.echo('append:log.txt=first', { expected: 'first' });
        await node.kill();
        const saved = save_ledgers(node);
        fs.unlinkSync(file_in(node, 'ledger_fs/ledger.db-wal'));
        await run_refused(node);
        put_back(node, saved);
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        await again.echo('append:log.txt=second', { expected: 'second' });
        assert.equal(await log_content(again), 'first\nsecond\n');
    });

    scoped_test('run refuses a run that is committed for an unknown ledger', async (scope) => {
        const { node, delta } = await with_waiting_delta(scope, { more: 1, roundtime: 250 });
        const number = BigInt(path.basename(delta));
        const copy = path.join(path.dirname(delta), String(number + 1000n).padStart(20, '0'));
        fs.copyFileSync(delta, copy);
        await run_refused(node);
    });
});

/** The first bytes of the newest ledger's hash, as the log shows them. */
function last_hash_of_log(node) {
    return [...node.log_text().matchAll(/Ledger created\*+ lcl=\d+-([0-9a-f]+)/g)].at(-1)[1];
}

const deltas_of = (node) => {
    const directory = file_in(node, 'contract_fs/deltas');
    return fs
        .readdirSync(directory)
        .sort()
        .map((name) => path.join(directory, name));
};

/**
 * A killed node whose newest run is committed in a delta that is not yet part of base/: a read
 * request that lasts keeps base/ as it is. `more` ledgers were decided after it.
 */
async function with_waiting_delta(scope, { more = 0, roundtime = long_roundtime_ms }) {
    const node = await scope.start_node({
        config: { node: { history: 'full' }, contract: { consensus: { roundtime } } },
    });
    const user = await scope.login(node);
    user.subscribe('ledger_event');
    await user.echo('append:log.txt=first', { expected: 'first' });
    const reader = await scope.login(node, { label: 'reader' });
    reader.read('long', `sleep:${reader_ms}`);
    await until(() => node.contract_processes().length > 0, { every_ms: 5, what: 'a reader' });
    const built = await user.submit('append:log.txt=second');
    const { ledger_seq_no } = await user.wait_accepted(built.hash);
    const name = String(ledger_seq_no).padStart(20, '0');
    const delta = file_in(node, 'contract_fs/deltas', name);
    await until(() => fs.existsSync(delta), { every_ms: 5, what: 'the delta' });
    if (more > 0) {
        await user.next_ledger({ where: (ledger) => ledger.seq_no >= ledger_seq_no + more });
    }
    await node.kill();
    const base = fs.readFileSync(file_in(node, 'contract_fs/base/state/log.txt'), 'utf8');
    assert.equal(base, 'first\n', 'the delta is not applied');
    return { node, user, delta, seq_no: ledger_seq_no };
}

const tears = {
    'truncated in the middle': (file) => fs.truncateSync(file, fs.statSync(file).size >> 1),
    'without its last byte': (file) => fs.truncateSync(file, fs.statSync(file).size - 1),
    empty: (file) => fs.truncateSync(file, 0),
    'with a wrong byte': (file) => {
        const content = fs.readFileSync(file);
        content[content.length >> 1] ^= 1;
        fs.writeFileSync(file, content);
    },
    missing: (file) => fs.unlinkSync(file),
};

async function log_content(client) {
    const from = client.mark();
    client.read('content', 'read:log.txt');
    return (await client.wait('contract_read_response', { from })).msg.content;
}

describe('recovery: a torn delta', { concurrency: true }, () => {
    for (const [name, tear] of Object.entries(tears)) {
        scoped_test(`the newest run's delta ${name}: the run is repeated`, async (scope) => {
            const { node, user, delta, seq_no } = await with_waiting_delta(scope, {});
            tear(delta);
            await node.run();
            const again = await scope.login(node, { keys: user.keys });
            const output = await again.wait_output('second');
            assert.equal(output.ledger_seq_no, seq_no + 1);
            assert.equal(await log_content(again), 'first\nsecond\n');
            assert.equal((await node.command('ledger verify')).code, 0);
        });

        // Its ledger is not the last one: those after it already contain its result.
        scoped_test(`an older run's delta ${name}: never a wrong state`, async (scope) => {
            const made = await with_waiting_delta(scope, { more: 3, roundtime: 250 });
            const { node, user, delta } = made;
            assert.equal(deltas_of(node).at(-1), delta);
            tear(delta);
            if (await node.try_run()) {
                assert.equal(node.exit.code, refused, node.exit_text());
                assert.match(last_start(node), /\[err\]/);
                return;
            }
            const again = await scope.login(node, { keys: user.keys });
            assert.equal(await log_content(again), 'first\nsecond\n', 'an accepted input is lost');
        });
    }
});

describe('recovery: damaged state files', { concurrency: true }, () => {
    /** A stopped node with a state of two files and more. */
    async function with_state(scope) {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await user.echo('append:log.txt=first', { expected: 'first' });
        await user.echo('write:other.txt=content', { expected: 'ok' });
        user.subscribe('ledger_event');
        const { state_hash } = await user.next_ledger();
        await node.stop();
        return { node, user, state_hash };
    }

    const live_edits = {
        'a changed file': (state) => fs.writeFileSync(path.join(state, 'log.txt'), 'wrong\n'),
        'a longer file': (state) => fs.appendFileSync(path.join(state, 'log.txt'), 'wrong\n'),
        'a removed file': (state) => fs.unlinkSync(path.join(state, 'log.txt')),
        'a new file': (state) => fs.writeFileSync(path.join(state, 'new.txt'), 'new'),
        'a new directory': (state) => fs.mkdirSync(path.join(state, 'a/b/c'), { recursive: true }),
        'another mode': (state) => fs.chmodSync(path.join(state, 'log.txt'), 0o755),
        'a directory in place of a file': (state) => {
            fs.unlinkSync(path.join(state, 'log.txt'));
            fs.mkdirSync(path.join(state, 'log.txt'));
        },
        'a link in place of a file': (state) => {
            fs.unlinkSync(path.join(state, 'log.txt'));
            fs.symlinkSync('/etc/passwd', path.join(state, 'log.txt'));
        },
        'the same content, other time': (state) =>
            fs.utimesSync(path.join(state, 'log.txt'), 1, 1),
        'a changed file of the same size and time': (state) => {
            const file = path.join(state, 'log.txt');
            const { atime, mtime } = fs.statSync(file);
            fs.writeFileSync(file, 'wrong\n');
            fs.utimesSync(file, atime, mtime);
        },
        'no state directory': (state) => fs.rmSync(state, { recursive: true }),
        'no contract binary': (state) => fs.unlinkSync(path.join(state, 'probe_contract')),
    };
    for (const [name, edit] of Object.entries(live_edits)) {
        scoped_test(`seed/state with ${name} is put right`, async (scope) => {
            const { node, user, state_hash } = await with_state(scope);
            edit(node.state_dir);
            await node.run();
            assert.equal(state_root_hex(node.state_dir), state_hash);
            const again = await scope.login(node, { keys: user.keys });
            await again.echo('append:log.txt=second', { expected: 'second' });
            assert.equal(await log_content(again), 'first\nsecond\n');
        });
    }

    scoped_test('node-private files are left alone', async (scope) => {
        const { node, user } = await with_state(scope);
        const file = file_in(node, 'contract_fs/seed/private.txt');
        fs.writeFileSync(file, 'mine');
        await node.run();
        assert.equal(fs.readFileSync(file, 'utf8'), 'mine');
        const again = await scope.login(node, { keys: user.keys });
        again.read('r', 'read:../private.txt');
        assert.equal((await again.wait('contract_read_response')).msg.content, 'mine');
        await node.kill();
        await node.run();
        assert.equal(fs.readFileSync(file, 'utf8'), 'mine');
    });

    const base_edits = {
        'a changed file in base/': 'contract_fs/base/state/other.txt',
        'a damaged checkpoint': 'contract_fs/checkpoint',
    };
    for (const [name, file] of Object.entries(base_edits)) {
        scoped_test(`${name} is repaired or refused`, async (scope) => {
            const { node, user } = await with_state(scope);
            const good = fs.readFileSync(file_in(node, file));
            const bad = Buffer.from(good);
            bad[bad.length >> 1] ^= 1;
            fs.writeFileSync(file_in(node, file), bad);
            if (await node.try_run()) {
                assert.equal(node.exit.code, refused);
                assert.match(last_start(node), /\[err\]/);
                fs.writeFileSync(file_in(node, file), good);
                await node.run();
            }
            const again = await scope.login(node, { keys: user.keys });
            again.read('r', 'read:other.txt');
            assert.equal((await again.wait('contract_read_response')).msg.content, 'content');
        });
    }
});
