// SPDX-License-Identifier: Apache-2.0
//
// `hpnode status`: what a running node says about itself (docs/operations.md).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { describe } from 'node:test';

import { host_place, hpnode, hpnode_path, probe_path } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { until } from '../lib/util.mjs';

const not_ready_code = 7;
const not_found_code = 9;
const failed_code = 1;
const refused_code = 255;
const exec_timeout_ms = 1000;
const roundtime_ms = 250;
const connections = 30;
const other_user = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'];

const socket_of = (node) => path.join(node.dir, 'cfg', 'hpnode.sock');

async function status_of(node) {
    const { code, stdout, stderr } = await node.command('status', '--json');
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trimEnd().split('\n').length, 1, 'one document, one line');
    const status = JSON.parse(stdout);
    assert.equal(status.schema, 'hp.node.status/1');
    assert.equal(status.ok, true);
    return status;
}

/** The status once `check` says yes. */
const status_when = (node, check, what) =>
    until(
        async () => {
            const status = await status_of(node);
            return check(status) ? status : null;
        },
        { what },
    );

describe('recovery: status of a running node', { concurrency: true }, () => {
    scoped_test('what it is, where it stands, who is there', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await scope.login(node);
        await user.echo('hello');
        const status = await status_of(node);
        const lcl = await user.lcl();
        assert.equal(status.pid, node.pid);
        assert.equal(status.directory, node.dir);
        assert.ok(status.uptime_ms > 0);
        assert.equal(status.public_key, node.cfg.node.public_key);
        assert.equal(status.role, 'validator');
        assert.equal(status.contract.id, node.cfg.contract.id);
        assert.equal(status.contract.version, '1.0');
        const behind = lcl.ledger_seq_no - status.ledger.seq;
        assert.ok(behind >= 0 && behind <= 2, `status ${status.ledger.seq}`);
        assert.match(status.ledger.hash, /^[0-9a-f]{64}$/);
        assert.deepEqual(status.users, { connected: 2, port: node.port });
        const { consensus } = status;
        assert.equal(consensus.vote_status, 'synced');
        assert.equal(consensus.can_close_ledgers, true);
        assert.equal(consensus.pace, 'paced');
        assert.equal(consensus.roundtime_ms, roundtime_ms);
        const version = JSON.parse((await hpnode(['version', '--json'])).stdout);
        for (const name of ['version', 'hp_version', 'ledger_version'])
            assert.equal(status[name], version[name]);
    });

    scoped_test('the roots are those of the ledgers', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        user.subscribe('ledger_event');
        await user.echo('write:f=x', { expected: 'ok' });
        const ledger = await user.next_ledger();
        const { contract } = await status_of(node);
        assert.equal(contract.state_root, ledger.state_hash);
        assert.equal(contract.config_root, ledger.config_hash);
    });

    scoped_test('text for people says the same', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await user.echo('hello');
        const { code, stdout, stderr } = await node.command('status');
        assert.equal(code, 0);
        assert.equal(stderr, '');
        assert.match(stdout, new RegExp(`^process +${node.pid}, up .*${node.dir}$`, 'm'));
        assert.match(stdout, new RegExp(`^key +${node.cfg.node.public_key}, validator$`, 'm'));
        assert.match(stdout, /^ledger +\d+-[0-9a-f]{64}, [0-9.]+ s ago$/m);
        assert.match(stdout, /^last run +ledger \d+: exit code 0, \d+ ms/m);
        assert.match(stdout, /^sandbox +\S.*read requests: \S/m);
    });

    scoped_test('ends of runs by their kind, in the status and in the log', async (scope) => {
        const round_limits = { exec_timeout: exec_timeout_ms };
        const node = await scope.start_node({ config: { contract: { round_limits } } });
        const user = await scope.login(node);
        for (const text of ['exit:7', 'crash', 'hang']) {
            const built = await user.submit(text);
            await user.wait_accepted(built.hash);
        }
        const { contract } = await status_when(
            node,
            ({ contract: { since_start: runs } }) =>
                runs.exited_nonzero === 1 && runs.signaled === 1 && runs.timed_out === 1,
            'three bad runs',
        );
        const runs = contract.since_start;
        assert.equal(runs.abnormal, 3);
        assert.equal(runs.not_started, 0);
        assert.ok(runs.runs > 3);
        assert.ok(runs.over_budget >= 1, 'the hanging one at least');
        const keys = 'wall_ms=\\d+ cpu_ms=\\d+ max_rss_kib=\\d+ input_bytes=\\d+ output_bytes=\\d+';
        const line = (end, code) =>
            new RegExp(`\\[inf\\].* contract run seq=\\d+ end=${end} code=${code} ${keys}`);
        await node.wait_log(line('exited', 7));
        await node.wait_log(line('signaled', 11));
        await node.wait_log(line('timed_out', '\\d+'));
        assert.doesNotMatch(node.log_text(), line('exited', 0), 'only what is out of the ordinary');
    });

    scoped_test('the last run with all its figures', async (scope) => {
        const node = await scope.start_node({
            config: { log: { log_level: 'dbg' }, contract: { consensus: { roundtime: 2000 } } },
        });
        const user = await scope.login(node);
        const text = 'echo:' + 'x'.repeat(1000);
        const built = await user.submit(text);
        const { ledger_seq_no: seq } = await user.wait_accepted(built.hash);
        const { contract } = await status_when(
            node,
            ({ contract: { last_run } }) => last_run?.seq === seq,
            'the run in the status',
        );
        const run = contract.last_run;
        assert.equal(run.end, 'exited');
        assert.equal(run.code, 0);
        assert.equal(run.what, 'exit code 0');
        assert.equal(run.input_bytes, text.length);
        assert.equal(run.output_bytes, 1000);
        assert.equal(run.outputs, 1);
        assert.equal(run.over_budget, false);
        assert.equal(run.void, false);
        assert.equal(run.budget_ms, 2000);
        assert.ok(run.wall_ms < 2000 && run.cpu_ms >= 0 && run.max_rss_kib > 0);
        await node.wait_log(new RegExp(`\\[dbg\\].* contract run seq=${seq} end=exited code=0 `));
    });

    scoped_test('a contract that cannot be started', async (scope) => {
        const contract = { files: [], bin_path: 'no such contract' };
        const node = await scope.start_node({ contract });
        const { contract: seen } = await status_when(
            node,
            ({ contract: { since_start: runs } }) => runs.not_started > 1,
            'runs that did not start',
        );
        assert.equal(seen.last_run.end, 'not_started');
        assert.match(seen.last_run.what, /No such file/);
        assert.equal(seen.since_start.abnormal, seen.since_start.runs);
    });

    scoped_test('a run longer than a round says so, at a bounded rate', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        for (let count = 0; count < 7; count += 1) {
            const built = await user.submit(`sleep:${roundtime_ms + 50}`);
            await user.wait_accepted(built.hash);
            await user.wait_output('slept', { from: built.from });
        }
        const { contract } = await status_of(node);
        assert.ok(contract.since_start.over_budget >= 7);
        assert.equal(contract.since_start.abnormal, 0);
        const lines = node
            .log_text()
            .split('\n')
            .filter((line) => /\[wrn\].*longer than a round/.test(line));
        assert.match(lines[0], new RegExp(`seq=\\d+ wall_ms=\\d+ budget_ms=${roundtime_ms} `));
        assert.ok(lines.length >= 1 && lines.length <= 5, `${lines.length} warnings`);
    });

    scoped_test('reads answered and failed', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        for (const id of ['a', 'b', 'c']) {
            const from = user.mark();
            user.read(id, 'hello');
            await user.wait('contract_read_response', { from });
        }
        user.read('bad', 'crash');
        const { contract } = await status_when(
            node,
            ({ contract: { reads } }) => reads.failed === 1,
            'the failed read',
        );
        assert.deepEqual(contract.reads, { answered: 3, failed: 1, dropped: 0 });
        assert.match(contract.read_protection, /\S/);
        assert.match(contract.sandbox, /\S/);
    });

    scoped_test('a rejected patch.cfg until it is mended', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        const good = fs.readFileSync(node.patch_path, 'utf8');
        assert.equal((await status_of(node)).contract.rejected_patch, null);
        const { status } = await user.echo(`patchraw:${good.replace('"1.0"', '""')}`, {
            expected: 'ok',
        });
        const rejected = async () => (await status_of(node)).contract.rejected_patch;
        const expected = {
            ledger: status.ledger_seq_no + 1,
            problem: 'version: must not be empty',
            count: 1,
        };
        assert.deepEqual(await rejected(), expected);
        const { stdout } = await node.command('status');
        assert.match(stdout, /patch\.cfg agreed on in ledger \d+ is not in force: version: must/);
        await node.stop();
        await node.run();
        assert.equal((await rejected())?.problem, expected.problem, 'still, after a restart');
        const again = await scope.login(node, { keys: user.keys });
        await again.echo(`patchraw:${good}`, { expected: 'ok' });
        assert.equal(await rejected(), null);
    });

    scoped_test('why no ledger can close', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await user.echo(`patchunl:ed${'ff'.repeat(32)}`, { expected: 'ok' });
        const unreliable = (status) => status.consensus.vote_status === 'unreliable';
        const { consensus } = await status_when(node, unreliable, 'nobody heard for a while');
        assert.equal(consensus.can_close_ledgers, false);
        assert.match(
            consensus.why_not,
            /UNL has 2 members, of which 2 have to take part; heard from 1, this node included/,
        );
        const { stdout } = await node.command('status');
        assert.match(stdout, /no ledger can close: .*UNL has 2 members/);
    });

    scoped_test('a run that takes its time', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        const built = await user.submit('sleep:1500');
        const { ledger_seq_no: seq } = await user.wait_accepted(built.hash);
        await status_when(node, ({ contract }) => contract.running === seq, 'the run');
        await user.wait_output('slept');
    });
});

describe('recovery: asking for the status', { concurrency: true }, () => {
    scoped_test('a node that does not run', async (scope) => {
        const node = await scope.make_node();
        const refused = async (code, pattern) => {
            const plain = await node.command('status');
            assert.equal(plain.code, code, plain.stderr);
            assert.equal(plain.stdout, '');
            assert.match(plain.stderr, pattern);
            const json = await node.command('status', '--json');
            assert.equal(json.code, code);
            const { ok, exit, error } = JSON.parse(json.stdout);
            assert.deepEqual([ok, exit], [false, code]);
            assert.match(error, pattern);
        };
        await refused(not_ready_code, /no node is running/);
        await node.run();
        await status_of(node);
        await node.kill();
        assert.ok(fs.existsSync(socket_of(node)), 'a killed node leaves it behind');
        await refused(not_ready_code, /no node is running/);
        await node.run();
        await status_of(node);
        await node.stop();
        assert.ok(!fs.existsSync(socket_of(node)));
        await refused(not_ready_code, /no node is running/);
        const elsewhere = await hpnode(['status', node.root]);
        assert.equal(elsewhere.code, not_found_code);
    });

    scoped_test('by any name of the directory, however long', async (scope) => {
        const top = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-test-'));
        scope.at_end(() => fs.rmSync(top, { recursive: true, force: true }));
        const root = path.join(top, ...Array.from({ length: 4 }, () => 'd'.repeat(60)));
        fs.mkdirSync(root, { recursive: true });
        const node = await scope.make_node({ place: { ...host_place, make_root: () => root } });
        await node.run();
        assert.equal((await status_of(node)).directory, node.dir);
        const relative = await hpnode(['status', 'node'], { cwd: node.root });
        assert.equal(relative.code, 0, relative.stderr);
        fs.symlinkSync(node.dir, path.join(top, 'link'));
        assert.equal((await hpnode(['status', path.join(top, 'link')])).code, 0);
        await node.stop();
        assert.ok(!fs.existsSync(socket_of(node)));
    });

    scoped_test('others may not ask', async (scope, context) => {
        const can = [...other_user.slice(1), hpnode_path, 'version'];
        if (process.getuid() !== 0 || spawnSync(other_user[0], can).status !== 0) {
            context.skip('needs root, and a program that others may execute');
            return;
        }
        const place = {
            ...host_place,
            command: (words) => ['/bin/sh', '-c', 'umask 000 && exec "$@"', 'sh', ...words],
        };
        const node = await scope.make_node({ place });
        fs.chmodSync(node.root, 0o755);
        await node.run();
        assert.equal(fs.statSync(socket_of(node)).mode & 0o777, 0o600);
        const words = [...other_user.slice(1), hpnode_path, 'status', node.dir];
        const asked = spawnSync(other_user[0], words);
        assert.equal(asked.status, failed_code);
        assert.match(asked.stderr.toString(), /Permission denied/);
    });

    scoped_test('whoever else connects does not disturb the node', async (scope) => {
        const node = await scope.start_node({ contract: { files: [], bin_path: probe_path } });
        const user = await scope.login(node);
        const before = node.open_fds();
        const sockets = Array.from({ length: connections }, () => {
            const socket = net.connect(socket_of(node));
            socket.on('error', () => {});
            socket.write('GET / HTTP/1.1\r\n\r\n');
            socket.pause();
            return socket;
        });
        await user.echo('meanwhile');
        await status_when(node, () => true, 'a status meanwhile');
        for (const socket of sockets) socket.destroy();
        await until(() => node.open_fds() <= before, { what: 'closed connections' });
        await user.echo('after');
        await status_of(node);
    });

    scoped_test('a node that cannot start leaves nothing to ask', async (scope) => {
        const node = await scope.start_node();
        const other = await scope.make_node();
        other.edit_config({ user: { port: node.port } });
        const { code } = await other.command('run');
        assert.equal(code, refused_code);
        assert.ok(!fs.existsSync(socket_of(other)));
        await status_of(node);
    });

    scoped_test('a node whose socket cannot be made runs without', async (scope) => {
        const node = await scope.make_node();
        fs.mkdirSync(socket_of(node));
        await node.run();
        await node.wait_log(/\[wrn\].*hpnode status will not work/);
        await (await scope.login(node)).echo('hello');
        assert.equal((await node.command('status')).code, not_ready_code);
        await node.stop();
        assert.ok(fs.statSync(socket_of(node)).isDirectory(), 'not ours to remove');
    });
});
