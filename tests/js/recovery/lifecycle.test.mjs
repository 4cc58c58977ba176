// SPDX-License-Identifier: Apache-2.0
//
// Commands, exit codes and files of a node's directory (contract protocol sections 2 and 3, tests
// 1-9; docs/operations.md).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { hpnode, hpnode_path, probe_contract } from '../lib/node.mjs';
import { make_keys } from '../lib/crypto.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { sleep } from '../lib/util.mjs';

const refused = 255;
const findings_code = 2;
const damaged_code = 8;
const no_ledgers_code = 9;
const quick_roundtime_ms = 50;
const quick_time_ms = 3000;
const quick_ledgers_min = 20;

const mode_of = (name) => fs.statSync(name).mode & 0o777;
const cfg_file = (node, name) => path.join(node.dir, 'cfg', name);

/** Every file below a directory with its content. */
function snapshot(directory) {
    const names = fs.readdirSync(directory, { recursive: true }).sort();
    return names.map((name) => {
        const full = path.join(directory, name);
        const stat = fs.lstatSync(full);
        return [name, stat.mode, stat.isFile() ? fs.readFileSync(full, 'hex') : ''];
    });
}

describe('recovery: commands', { concurrency: true }, () => {
    test('15.1 version: bytes that scripts rely on', async () => {
        const { code, stdout, stderr } = await hpnode(['version']);
        assert.equal(code, 0);
        assert.equal(stderr, '');
        const [first, second] = stdout.split('\n');
        assert.match(first, /^\d+\.\d+\.\d+ $/);
        assert.match(second, /^Ledger version: \S+$/);
        assert.ok(stdout.endsWith('\n'));
    });

    test('version --json', async () => {
        const { code, stdout } = await hpnode(['version', '--json']);
        assert.equal(code, 0);
        const plain = (await hpnode(['version'])).stdout.split('\n');
        const parsed = JSON.parse(stdout);
        assert.equal(`${parsed.hp_version} `, plain[0]);
        assert.equal(`Ledger version: ${parsed.ledger_version}`, plain[1]);
    });

    for (const line of ['', 'fly', 'run', 'new', 'run a b', 'check --fast .', 'ledger']) {
        test(`"hpnode ${line}" is refused with usage`, async () => {
            const { code, stdout, stderr } = await hpnode(line.split(' ').filter(Boolean));
            assert.equal(code, refused);
            assert.match(stdout + stderr, /hpnode|--help/);
        });
    }

    test('--help is no error', async () => {
        const { code, stdout } = await hpnode(['--help']);
        assert.equal(code, 0);
        for (const word of ['new', 'run', 'rekey', 'check', 'status', 'ledger', 'version']) {
            assert.match(stdout, new RegExp(`\\b${word}\\b`));
        }
    });

    scoped_test('15.3 new makes the documented tree', async (scope) => {
        const node = await scope.make_node();
        for (const name of ['cfg', 'contract_fs/seed/state', 'ledger_fs', 'log/contract']) {
            assert.ok(fs.statSync(path.join(node.dir, name)).isDirectory(), name);
        }
        const cfg = node.read_config();
        assert.deepEqual(cfg.contract.unl, [cfg.node.public_key]);
        assert.match(cfg.contract.id, /^[0-9a-f-]{36}$/);
    });

    for (const umask of ['000', '022', '077']) {
        scoped_test(`15.4 modes do not depend on umask ${umask}`, async (scope) => {
            const node = await scope.make_node();
            const directory = path.join(node.root, 'other');
            const line = `umask ${umask}; exec "$0" new "$1"`;
            const made = spawnSync('sh', ['-c', line, hpnode_path, directory]);
            assert.equal(made.status, 0, made.stderr.toString());
            assert.equal(mode_of(path.join(directory, 'cfg/hp.cfg')), 0o600);
            assert.equal(mode_of(path.join(directory, 'cfg/tlskey.pem')), 0o600);
            assert.equal(mode_of(path.join(directory, 'cfg/tlscert.pem')), 0o644);
            for (const name of ['.', 'cfg', 'contract_fs/seed/state', 'ledger_fs', 'log']) {
                assert.equal(mode_of(path.join(directory, name)), 0o755, name);
            }
        });
    }

    scoped_test('15.2 new refuses what exists and changes nothing', async (scope) => {
        const node = await scope.make_node();
        const before = snapshot(node.root);
        const again = await node.command('new');
        assert.equal(again.code, refused);
        assert.match(again.stderr, /exists/);
        assert.ok(again.stderr.includes(node.dir), again.stderr);
        const empty = path.join(node.root, 'empty');
        fs.mkdirSync(empty);
        assert.equal((await hpnode(['new', empty])).code, refused);
        const file = path.join(node.root, 'file');
        fs.writeFileSync(file, 'content');
        assert.equal((await hpnode(['new', file])).code, refused);
        fs.rmdirSync(empty);
        fs.unlinkSync(file);
        assert.deepEqual(snapshot(node.root), before);
    });

    scoped_test('new without a parent directory is refused', async (scope) => {
        const node = await scope.make_node();
        const missing = path.join(node.root, 'missing', 'child');
        assert.equal((await hpnode(['new', missing])).code, refused);
        assert.ok(!fs.existsSync(path.dirname(missing)));
    });

    scoped_test('new takes a relative path', async (scope) => {
        const node = await scope.make_node();
        const made = await hpnode(['new', './relative/'], { cwd: node.root });
        assert.equal(made.code, 0, made.stderr);
        assert.ok(fs.existsSync(path.join(node.root, 'relative/cfg/hp.cfg')));
    });

    test('commands on a directory that does not exist', async () => {
        const missing = '/nonexistent/node';
        assert.equal((await hpnode(['run', missing])).code, refused);
        assert.equal((await hpnode(['rekey', missing])).code, refused);
        assert.equal((await hpnode(['check', missing])).code, findings_code);
        assert.equal((await hpnode(['ledger', 'verify', missing])).code, no_ledgers_code);
    });
});

describe('recovery: rekey', { concurrency: true }, () => {
    scoped_test('15.5 keys and the UNL entry change, nothing else', async (scope) => {
        const node = await scope.make_node();
        const other = make_keys().hex;
        const old = node.read_config();
        node.edit_config({ contract: { unl: [old.node.public_key, other] } });
        const before = node.read_config();
        const done = await node.command('rekey');
        assert.equal(done.code, 0, done.stderr);
        const after = node.read_config();
        assert.notEqual(after.node.public_key, before.node.public_key);
        assert.notEqual(after.node.private_key, before.node.private_key);
        assert.deepEqual(after.contract.unl, [after.node.public_key, other].sort());
        after.node.public_key = before.node.public_key;
        after.node.private_key = before.node.private_key;
        after.contract.unl = before.contract.unl;
        assert.deepEqual(after, before);
        assert.equal(mode_of(node.cfg_path), 0o600);
    });

    scoped_test('15.6 a key that is not in the UNL is an error', async (scope) => {
        const node = await scope.make_node();
        node.edit_config({ contract: { unl: [make_keys().hex] } });
        const before = fs.readFileSync(node.cfg_path);
        const done = await node.command('rekey');
        assert.equal(done.code, refused);
        assert.match(done.stderr, /unl/i);
        assert.deepEqual(fs.readFileSync(node.cfg_path), before);
    });

    scoped_test('the chain goes on under the new key', async (scope) => {
        const node = await scope.start_node({ config: { node: { history: 'full' } } });
        const user = await scope.login(node);
        await user.echo('old key');
        const old_key = node.cfg.node.public_key;
        const { ledger_seq_no } = await user.lcl();
        await node.stop();
        assert.equal((await node.command('rekey')).code, 0);
        await node.run();
        const new_key = node.read_config().node.public_key;
        assert.notEqual(new_key, old_key);
        const again = await scope.connect(node, { keys: user.keys });
        const response = await again.handshake();
        assert.equal(response.pubkey, new_key);
        assert.deepEqual(response.unl, [new_key]);
        await again.echo('new key');
        assert.ok((await again.lcl()).ledger_seq_no > ledger_seq_no);
        const verified = await node.command('ledger verify');
        assert.equal(verified.code, 0, verified.stderr);
    });
});

describe('recovery: one process per directory', { concurrency: true }, () => {
    scoped_test('15.7 a second run and rekey are refused while the node runs', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        const before = fs.readFileSync(node.cfg_path);
        for (const command of ['run', 'rekey']) {
            const second = await node.command(command);
            assert.equal(second.code, refused, command);
            assert.match(second.stderr, new RegExp(`\\b${node.pid}\\b`), 'it says who');
        }
        await user.echo('undisturbed');
        assert.deepEqual(fs.readFileSync(node.cfg_path), before);

        await node.stop();
        assert.equal((await node.command('rekey')).code, 0);
        await node.run();
        await (await scope.login(node)).echo('again');
    });

    scoped_test('15.7 the lock holds by any name, after a patch.cfg change too', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await user.echo('patch:version=2.0', { expected: 'ok' });
        user.subscribe('ledger_event');
        await user.next_ledger();
        const link = path.join(node.root, 'link');
        fs.symlinkSync(node.dir, link);
        for (const name of [link, `${node.dir}/../node/`, node.dir]) {
            assert.equal((await hpnode(['run', name])).code, refused, name);
        }
        const relative = await hpnode(['run', 'node'], { cwd: node.root });
        assert.equal(relative.code, refused);
    });

    scoped_test('the lock of a killed node is free', async (scope) => {
        const node = await scope.start_node();
        await node.kill();
        assert.equal((await node.command('rekey')).code, 0);
        await node.run();
    });

    for (const directory of ['node', './node', '../node', './link/']) {
        scoped_test(`15.9 run ${directory}`, async (scope) => {
            const node = await scope.make_node();
            fs.symlinkSync('node', path.join(node.root, 'link'));
            const cwd = directory.startsWith('..') ? path.join(node.root, 'sub') : node.root;
            fs.mkdirSync(cwd, { recursive: true });
            node.spawn({ directory, cwd });
            await node.await_ready();
            const user = await scope.login(node);
            await user.echo('append:log.txt=line', { expected: 'line' });
            user.read('r', 'read:log.txt');
            assert.equal((await user.wait('contract_read_response')).msg.content, 'line\n');
            const verified = await hpnode(['ledger', 'verify', directory], { cwd });
            assert.equal(verified.code, 0, verified.stderr);
        });
    }
});

describe('recovery: ledger verify', { concurrency: true }, () => {
    scoped_test('exit codes and --json', async (scope) => {
        const node = await scope.make_node();
        assert.equal((await node.command('ledger verify')).code, no_ledgers_code);
        await node.run();
        await (await scope.login(node)).echo('hello');
        for (const running of [true, false]) {
            if (!running) await node.stop();
            const plain = await node.command('ledger verify');
            assert.equal(plain.code, 0, plain.stderr);
            const json = await node.command('ledger verify', '--json');
            assert.equal(json.code, 0);
            const { ok, first, last } = JSON.parse(json.stdout);
            assert.deepEqual([ok, first], [true, 1]);
            assert.ok(last >= 2);
        }
        fs.writeFileSync(path.join(node.dir, 'ledger_fs/ledger.db'), 'x'.repeat(100000));
        const damaged = await node.command('ledger verify', '--json');
        assert.equal(damaged.code, damaged_code, damaged.stderr);
    });

    scoped_test('verifying again and again does not disturb a quick node', async (scope) => {
        const node = await scope.start_node({
            config: { contract: { consensus: { roundtime: quick_roundtime_ms } } },
        });
        const user = await scope.login(node);
        for (let count = 0; count < 10; count += 1) {
            const [verified] = await Promise.all([
                node.command('ledger verify'),
                user.echo(`meanwhile ${count}`),
            ]);
            assert.equal(verified.code, 0, verified.stderr);
        }
    });
});

/** A node directory whose hp.cfg is broken by `change`. */
async function with_config(scope, change) {
    const node = await scope.make_node();
    const cfg = node.read_config();
    const text = change(cfg);
    fs.writeFileSync(node.cfg_path, text ?? JSON.stringify(cfg, null, 4));
    return node;
}

const bad_configs = {
    'user.port': (cfg) => (cfg.user.port = 70000),
    'contract.consensus.roundtime': (cfg) => (cfg.contract.consensus.roundtime = '100'),
    'contract.round_limits.exec_timeout': (cfg) => delete cfg.contract.round_limits.exec_timeout,
    'contract.unl[0]': (cfg) => (cfg.contract.unl = ['ed00']),
    'contract.environment': (cfg) => (cfg.contract.environment = { A: 5 }),
    'node.private_key': (cfg) => (cfg.node.private_key = make_keys().private_hex),
    'node.history_config.max_primary_shards': (cfg) =>
        (cfg.node.history_config.max_primary_shards = 0),
    'log.loggers': (cfg) => (cfg.log.loggers = []),
    'mesh.known_peers[0]': (cfg) => (cfg.mesh.known_peers = ['nowhere']),
    hp_version: (cfg) => (cfg.hp_version = '0.5'),
};

describe('recovery: bad configurations', { concurrency: true }, () => {
    for (const [json_path, change] of Object.entries(bad_configs)) {
        scoped_test(`15.8 ${json_path}: run is refused and says where`, async (scope) => {
            const node = await with_config(scope, (cfg) => void change(cfg));
            const { code, stderr } = await node.command('run');
            assert.equal(code, refused);
            assert.ok(stderr.includes(json_path), stderr);
            const { private_key } = node.read_config().node;
            assert.ok(!stderr.includes(private_key), 'it shows the private key');
            assert.ok(!fs.existsSync(path.join(node.dir, 'ledger_fs/ledger.db')), 'it started');
            const check = await node.command('check');
            assert.equal(check.code, findings_code);
            assert.ok(check.stdout.includes(json_path), check.stdout);
        });
    }

    const broken_texts = {
        'no JSON': '{"hp_version": ',
        empty: '',
        'an array': '[]',
        null: 'null',
    };
    for (const [name, text] of Object.entries(broken_texts)) {
        scoped_test(`hp.cfg ${name}: run is refused`, async (scope) => {
            const node = await with_config(scope, () => text);
            const { code, stderr } = await node.command('run');
            assert.equal(code, refused);
            assert.notEqual(stderr, '');
            assert.equal((await node.command('check')).code, findings_code);
            assert.equal((await node.command('rekey')).code, refused);
            assert.equal(fs.readFileSync(node.cfg_path, 'utf8'), text);
        });
    }

    scoped_test('all errors at once, with a suggestion for a misspelt key', async (scope) => {
        const node = await with_config(scope, (cfg) => {
            cfg.user.port = 70000;
            cfg.contract.consensus.round_time = cfg.contract.consensus.roundtime;
            delete cfg.contract.consensus.roundtime;
            cfg.log.log_level = 'loud';
        });
        const { code, stderr } = await node.command('run');
        assert.equal(code, refused);
        const check = await node.command('check');
        assert.equal(check.code, findings_code);
        for (const text of [stderr, check.stdout]) {
            assert.match(text, /user\.port: .*70000/);
            assert.match(text, /contract\.consensus\.roundtime: .*round_time/);
            assert.match(text, /log\.log_level: .*loud/);
        }
        const { stdout, code: json_code } = await node.command('check', '--json');
        assert.equal(json_code, findings_code);
        const { ok, findings } = JSON.parse(stdout);
        assert.equal(ok, false);
        const paths = findings.filter((item) => item.severity === 'error').map((item) => item.path);
        const expected = ['user.port', 'contract.consensus.roundtime', 'log.log_level'];
        for (const json_path of expected) assert.ok(paths.includes(json_path), stdout);
    });

    scoped_test('check finds nothing wrong with a good directory', async (scope) => {
        const node = await scope.make_node();
        const { code, stdout } = await node.command('check');
        assert.equal(code, 0, stdout);
        assert.match(stdout, /\bok\b/);
        const json = await node.command('check', '--json');
        assert.equal(json.code, 0);
        assert.deepEqual(JSON.parse(json.stdout).findings, []);
    });

    scoped_test('check: an unknown key, a readable private key, no certificate', async (scope) => {
        const node = await with_config(scope, (cfg) => {
            cfg.user.max_conections = 5;
        });
        fs.chmodSync(node.cfg_path, 0o644);
        fs.unlinkSync(cfg_file(node, 'tlskey.pem'));
        const { code, stdout } = await node.command('check');
        assert.equal(code, findings_code);
        assert.match(stdout, /user\.max_conections: .*max_connections/);
        assert.match(stdout, /chmod 600/);
        assert.match(stdout, /tlskey\.pem/);
    });

    scoped_test('an unknown key does not keep a node from running', async (scope) => {
        const node = await with_config(scope, (cfg) => {
            cfg.user.max_conections = 5;
        });
        await node.run();
        await (await scope.login(node)).echo('hello');
        assert.match(node.log_text(), /max_conections/);
    });

    scoped_test('check: a contract that is not executable is a warning', async (scope) => {
        const node = await scope.make_node({ contract: { ...probe_contract(), bin_path: 'none' } });
        const { code, stdout } = await node.command('check', '--json');
        assert.equal(code, 0, stdout);
        const { ok, findings } = JSON.parse(stdout);
        assert.equal(ok, true);
        assert.deepEqual(
            findings.map((item) => [item.severity, item.path]),
            [['warning', 'contract.bin_path']],
        );
    });

    const starts = {
        'an interpreter that is not there': ['#!/no/such/interpreter\n', /\/no\/such\/interpreter/],
        'an interpreter that env will not find': ['#!/usr/bin/env no_such_program\n', /PATH/],
        'line ends of another system': ['#!/bin/sh\r\nexit\r\n', /carriage return/],
        'no first line': ['exit 0\n', /neither a program/],
    };
    for (const [name, [content, pattern]] of Object.entries(starts)) {
        scoped_test(`check: a contract with ${name} is a warning`, async (scope) => {
            const node = await scope.make_node({ contract: { files: [], bin_path: 'script' } });
            fs.writeFileSync(path.join(node.state_dir, 'script'), content, { mode: 0o755 });
            const { code, stdout } = await node.command('check');
            assert.equal(code, 0, stdout);
            assert.match(stdout, /^warning: contract\.bin_path: .*\/script /m);
            assert.match(stdout, pattern);
            await node.run();
            await node.wait_log(/\[wrn\].*contract run ended abnormally/); // it was right
        });
    }

    scoped_test('ledgers of another contract are refused', async (scope) => {
        const node = await scope.start_node();
        await (await scope.login(node)).echo('hello');
        await node.stop();
        node.edit_config({ contract: { id: '00000000-0000-4000-8000-000000000000' } });
        node.spawn();
        assert.equal((await node.wait_exit()).code, refused);
        assert.match(node.log_text(), /belongs to contract/);
    });
});

describe('recovery: pace', () => {
    scoped_test(`roundtime ${quick_roundtime_ms} gives ledgers quickly`, async (scope, context) => {
        const node = await scope.start_node({
            config: { contract: { consensus: { roundtime: quick_roundtime_ms } } },
        });
        const user = await scope.login(node);
        const before = await user.lcl();
        await sleep(quick_time_ms);
        const count = (await user.lcl()).ledger_seq_no - before.ledger_seq_no;
        context.diagnostic(`${count} ledgers in ${quick_time_ms} ms`);
        assert.ok(count > quick_ledgers_min, `only ${count} ledgers`);
        // Not faster than asked for either: paced is at most one ledger per roundtime.
        assert.ok(count <= (quick_time_ms * 2) / quick_roundtime_ms, `${count} ledgers`);
    });
});
