// SPDX-License-Identifier: Apache-2.0
//
// The agreed configuration: what a contract writes to patch.cfg, what an operator writes to
// hp.cfg, and what a restart makes of both (contract protocol section 5, tests 63-67).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { wait_status } from '../lib/cluster.mjs';
import { make_keys } from '../lib/crypto.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { config_root_hex } from '../lib/state_hash.mjs';
import { until } from '../lib/util.mjs';

const long_roundtime_ms = 8000;
const idle_ledgers = 3;

const endings = { 'kill -9': (node) => node.kill(), SIGTERM: (node) => node.stop() };

const patch_bytes = (node) => fs.readFileSync(node.patch_path);
const patch_root = (node) => config_root_hex(patch_bytes(node));

/** Until what the contract did for ledger `seq_no` is committed. */
const wait_run = (node, seq_no) =>
    wait_status(
        node,
        ({ contract: { running, last_run } }) => running === null && last_run?.seq === seq_no,
        { what: 'end of the run' },
    );

async function config_hash(client, seq_no) {
    return (await client.query(seq_no)).results[0].config_hash;
}

/** Submits a change of patch.cfg and waits until the ledger after it is decided. */
async function submit_change(user, text) {
    const { status, output } = await user.echo(text, { expected: 'ok' });
    assert.equal(output.ledger_seq_no, status.ledger_seq_no + 1);
    return status.ledger_seq_no;
}

/** Waits for a few more ledgers; the last one. */
async function idle(user) {
    user.subscribe('ledger_event');
    const { ledger_seq_no } = await user.lcl();
    return user.next_ledger({ where: (ledger) => ledger.seq_no >= ledger_seq_no + idle_ledgers });
}

async function announced_version(scope, node) {
    return (await scope.connect(node)).challenge.contract_version;
}

/** The patch of a running node with some fields replaced, as a contract library writes it. */
function patch_with(node, fields) {
    return JSON.stringify({ ...JSON.parse(patch_bytes(node)), ...fields }, null, 4);
}

describe('recovery: changes of patch.cfg', { concurrency: true }, () => {
    scoped_test('patch.cfg has the documented form and is in the header', async (scope) => {
        const node = await scope.start_node();
        const text = patch_bytes(node).toString();
        const patch = JSON.parse(text);
        assert.equal(JSON.stringify(patch, null, 4), text);
        const { id, execute, run_as, log, warm_start, sandbox, ...agreed } = node.cfg.contract;
        assert.ok(id && log && execute && run_as === '' && !warm_start && sandbox);
        assert.deepEqual(patch, agreed);
        const user = await scope.login(node);
        const ledger = await idle(user);
        assert.equal(ledger.config_hash, patch_root(node));
    });

    scoped_test('15.63 a version set in ledger N is in force with N + 1', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        const before = patch_root(node);
        assert.equal(await announced_version(scope, node), '1.0');
        const seq_no = await submit_change(user, 'patch:version=2.0');
        assert.equal(await config_hash(user, seq_no), before);
        assert.notEqual(patch_root(node), before);
        assert.equal(await config_hash(user, seq_no + 1), patch_root(node));
        assert.equal(await announced_version(scope, node), '2.0');
        assert.equal(node.read_config().contract.version, '2.0');
        assert.equal(fs.statSync(node.cfg_path).mode & 0o777, 0o600);
        assert.equal((await idle(user)).config_hash, patch_root(node));
    });

    for (const [name, end] of Object.entries(endings)) {
        scoped_test(`15.66 patch.cfg and hp.cfg stay as they are after ${name}`, async (scope) => {
            const node = await scope.start_node();
            const user = await scope.login(node);
            await submit_change(user, 'patch:version=2.0');
            await idle(user);
            const [patch, cfg] = [patch_bytes(node), fs.readFileSync(node.cfg_path)];
            for (let count = 0; count < 2; count += 1) {
                await end(node);
                await node.run();
                assert.deepEqual(patch_bytes(node), patch);
                assert.deepEqual(fs.readFileSync(node.cfg_path), cfg);
                assert.equal(await announced_version(scope, node), '2.0');
                const again = await scope.login(node, { keys: user.keys });
                assert.equal((await idle(again)).config_hash, config_root_hex(patch));
                await again.close();
            }
        });

        scoped_test(`a layout of the contract's own stays after ${name}`, async (scope) => {
            const node = await scope.start_node();
            const user = await scope.login(node);
            const fields = { ...JSON.parse(patch_bytes(node)), version: '5' };
            const text = JSON.stringify(fields); // one line
            await submit_change(user, `patchraw:${text}`);
            assert.equal(node.read_config().contract.version, '5');
            await end(node);
            await node.run();
            assert.equal(patch_bytes(node).toString(), text);
            const again = await scope.login(node, { keys: user.keys });
            assert.equal((await idle(again)).config_hash, config_root_hex(Buffer.from(text)));
            assert.equal(await announced_version(scope, node), '5');
        });

        scoped_test(`a change that awaits its ledger survives ${name}`, async (scope) => {
            const node = await scope.start_node({
                config: { contract: { consensus: { roundtime: long_roundtime_ms } } },
            });
            const user = await scope.login(node);
            const before = patch_root(node);
            const built = await user.submit('patch:version=2.0');
            const { ledger_seq_no } = await user.wait_accepted(built.hash);
            await wait_run(node, ledger_seq_no);
            await end(node);
            assert.equal(node.read_config().contract.version, '1.0', 'not agreed yet');
            await node.run();
            const again = await scope.login(node, { keys: user.keys });
            const output = await again.wait_output('ok');
            assert.equal(output.ledger_seq_no, ledger_seq_no + 1);
            assert.equal(await config_hash(again, ledger_seq_no), before);
            assert.equal(await config_hash(again, ledger_seq_no + 1), patch_root(node));
            assert.equal(await announced_version(scope, node), '2.0');
            assert.equal(node.read_config().contract.version, '2.0');
        });
    }

    scoped_test('15.63 roundtime and environment reach the next run', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        const environment = { ...node.cfg.contract.environment, GREETING: 'hello' };
        const consensus = { ...node.cfg.contract.consensus, roundtime: 100 };
        await submit_change(user, `patchraw:${patch_with(node, { environment, consensus })}`);
        assert.equal((await user.stat()).round_time, 100);
        const built = await user.submit('env');
        await user.wait_accepted(built.hash);
        const { msg } = await user.wait('contract_output', { from: built.from });
        assert.match(user.content_text(msg.outputs[0]), /^GREETING=hello$/m);
    });

    scoped_test('what an interrupted run did to patch.cfg is undone', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        await idle(user);
        const before = patch_bytes(node);
        await user.submit_together(['patch:version=2.0', 'sleep:3000']);
        await until(() => !patch_bytes(node).equals(before), { every_ms: 5, what: 'a change' });
        await node.kill();
        const base = path.join(node.dir, 'contract_fs/base/patch.cfg');
        assert.deepEqual(fs.readFileSync(base), before);
        await node.run();
        assert.equal(await announced_version(scope, node), '1.0');
        const again = await scope.login(node, { keys: user.keys });
        await again.wait_output('slept');
        assert.equal(await announced_version(scope, node), '2.0');
    });
});

const invalid_patches = {
    garbage: () => '{ "version": "2.0", ',
    empty: () => '',
    'a missing field': (node) => patch_with(node, { consensus: undefined }),
    'a value out of range': (node) =>
        patch_with(node, { consensus: { ...node.cfg.contract.consensus, roundtime: 0 } }),
    'an empty unl': (node) => patch_with(node, { unl: [] }),
};

describe('recovery: invalid patch.cfg', { concurrency: true }, () => {
    for (const [name, make_patch] of Object.entries(invalid_patches)) {
        scoped_test(`15.65 ${name}: logged, ignored, the contract goes on`, async (scope) => {
            const node = await scope.start_node();
            const user = await scope.login(node);
            const good = patch_bytes(node);
            const cfg = fs.readFileSync(node.cfg_path);
            const bad = make_patch(node);
            const seq_no = await submit_change(user, `patchraw:${bad}`);
            assert.equal(patch_bytes(node).toString(), bad);
            assert.equal(await config_hash(user, seq_no + 1), patch_root(node));
            await node.wait_log(/\[err\].*patch\.cfg/);
            await user.echo('still running');
            assert.equal(await announced_version(scope, node), '1.0');
            assert.deepEqual(fs.readFileSync(node.cfg_path), cfg);

            for (const end of Object.values(endings)) {
                await end(node);
                await node.run();
                assert.equal(patch_bytes(node).toString(), bad);
            }
            const again = await scope.login(node, { keys: user.keys });
            await again.echo('running after restarts');
            assert.equal((await idle(again)).config_hash, patch_root(node));

            // The contract can repair it.
            const repaired = JSON.stringify({ ...JSON.parse(good), version: '3.0' }, null, 4);
            await submit_change(again, `patchraw:${repaired}`);
            assert.equal(await announced_version(scope, node), '3.0');
            assert.equal(node.read_config().contract.version, '3.0');
        });
    }
});

describe('recovery: hp.cfg edited by the operator', { concurrency: true }, () => {
    for (const [name, end] of Object.entries(endings)) {
        scoped_test(`an edit after ${name} is in force with the first ledger`, async (scope) => {
            const node = await scope.start_node();
            const user = await scope.login(node);
            await submit_change(user, 'patch:version=2.0');
            await idle(user);
            await end(node);
            const before = patch_root(node);
            node.edit_config({ contract: { version: '7.0', consensus: { roundtime: 300 } } });
            await node.run();
            assert.equal(await announced_version(scope, node), '7.0');
            assert.notEqual(patch_root(node), before);
            assert.equal(JSON.parse(patch_bytes(node)).version, '7.0');
            const again = await scope.login(node, { keys: user.keys });
            assert.equal((await again.stat()).round_time, 300);
            assert.equal((await idle(again)).config_hash, patch_root(node));
            // And the contract's next change builds on it.
            await submit_change(again, 'patch:version=8.0');
            assert.equal(await announced_version(scope, node), '8.0');
            assert.equal(node.read_config().contract.consensus.roundtime, 300);
        });
    }

    scoped_test('an edit wins over a change that awaits its ledger', async (scope) => {
        const node = await scope.start_node({
            config: { contract: { consensus: { roundtime: long_roundtime_ms } } },
        });
        const user = await scope.login(node);
        const built = await user.submit('patch:version=2.0');
        const { ledger_seq_no } = await user.wait_accepted(built.hash);
        await wait_run(node, ledger_seq_no);
        await node.kill();
        node.edit_config({ contract: { version: '7.0' } });
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        await again.wait_output('ok');
        assert.equal(await announced_version(scope, node), '7.0');
        assert.equal(node.read_config().contract.version, '7.0');
        const verified = await node.command('ledger verify');
        assert.equal(verified.code, 0, verified.stderr);
    });

    scoped_test('fields that are not agreed change without a new config hash', async (scope) => {
        const node = await scope.start_node();
        const user = await scope.login(node);
        const { config_hash: before } = await idle(user);
        await node.stop();
        node.edit_config({ user: { concurrent_read_requests: 0 }, contract: { execute: false } });
        await node.run();
        const again = await scope.login(node, { keys: user.keys });
        const stat = await again.stat();
        assert.equal(stat.contract_execution_enabled, false);
        assert.equal(stat.read_requests_enabled, false);
        assert.equal((await idle(again)).config_hash, before);
    });
});

describe('recovery: a unl that one node cannot serve', { concurrency: true }, () => {
    const why_waiting = /\[(err|wrn)\].*(UNL|observer)/i;
    const is_event = (name) => (msg) => msg.event === name;

    /** A node whose contract just added a member; `watcher` saw it happen. */
    async function with_two_members(scope, member) {
        const node = await scope.start_node();
        const watcher = await scope.login(node, { label: 'watcher' });
        for (const channel of ['unl_change', 'health_event', 'ledger_event']) {
            watcher.subscribe(channel);
        }
        await watcher.lcl();
        const user = await scope.login(node, { label: 'user' });
        const from = watcher.mark();
        const seq_no = await submit_change(user, `patchunl:${member}`);
        return { node, watcher, user, from, seq_no };
    }

    // The key decides whether the contract's list is sorted.
    const members = {
        'sorted list': `ed${'ff'.repeat(32)}`,
        'unsorted list': `ed${'00'.repeat(32)}`,
    };
    for (const [name, member] of Object.entries(members)) {
        scoped_test(`${name}: subscribers are told, the node waits`, async (scope) => {
            const made = await with_two_members(scope, member);
            const { node, watcher, user, from, seq_no } = made;
            const unl = [node.cfg.node.public_key, member].sort();
            const change = (await watcher.wait('unl_change', { from })).msg;
            assert.deepEqual(change.unl, unl);
            const weak = (msg) => msg.event === 'connectivity' && msg.weakly_connected;
            await watcher.wait(weak, { from, what: 'weakly connected' });
            const vote = (await watcher.wait(is_event('vote_status'), { from })).msg;
            assert.equal(vote.vote_status, 'unreliable');
            assert.deepEqual(node.read_config().contract.unl, unl);
            await node.wait_log(why_waiting);

            const stat = await user.stat();
            assert.deepEqual(stat.current_unl, unl);
            assert.equal(stat.weakly_connected, true);
            assert.equal(stat.vote_status, 'unreliable');
            assert.equal(stat.ledger_seq_no, seq_no + 1);
            user.read('r', 'hello');
            assert.equal((await user.wait('contract_read_response')).msg.content, 'hello');
            await user.submit('echo:never');
            const newcomer = await scope.connect(node);
            const response = await newcomer.handshake();
            assert.deepEqual(response.unl, unl);
            assert.equal((await newcomer.stat()).ledger_seq_no, seq_no + 1, 'no ledger closes');
            assert.equal((await user.query(seq_no + 1)).results.length, 1);
        });

        scoped_test(`${name}: restarts change nothing, an imposed edit helps`, async (scope) => {
            const { node, user } = await with_two_members(scope, member);
            const unl = [node.cfg.node.public_key, member].sort();
            await user.stat();
            const patch = patch_bytes(node);
            for (const end of Object.values(endings)) {
                await end(node);
                const from = node.log_text().length;
                await node.run();
                assert.deepEqual(patch_bytes(node), patch);
                await node.wait_log(why_waiting, { from }); // once it has heard nobody for a while
                const again = await scope.login(node, { keys: user.keys });
                const stat = await again.stat();
                assert.deepEqual(stat.current_unl, unl);
                assert.equal(stat.vote_status, 'unreliable');
                assert.equal(stat.weakly_connected, true);
                await again.close();
            }
            await node.stop();
            node.edit_config({ contract: { unl: [node.cfg.node.public_key] } });
            const from = node.log_text().length;
            await node.run();
            await node.wait_log(/proposed to the other members.*hpnode impose/, { from });
            assert.notEqual((await node.command('impose')).code, 0, 'while the node runs');
            await node.stop();
            assert.equal((await node.command('impose')).code, 0);
            await node.run();
            const healed = await scope.login(node, { keys: user.keys });
            await healed.echo('ledgers again');
            const stat = await healed.stat();
            assert.equal(stat.vote_status, 'synced');
            assert.equal(stat.weakly_connected, false);
        });
    }

    const lonely_configs = {
        'two members': (node) => [node.cfg.node.public_key, make_keys().hex],
        'not a member': () => [make_keys().hex],
    };
    for (const [name, make_unl] of Object.entries(lonely_configs)) {
        scoped_test(`${name} from the start: it says why and waits`, async (scope) => {
            const node = await scope.make_node();
            const unl = make_unl(node);
            node.edit_config({ contract: { unl } });
            await node.run();
            const user = await scope.login(node);
            await node.wait_log(why_waiting);
            const stat = await user.stat();
            assert.equal(stat.ledger_seq_no, 0);
            assert.equal(stat.vote_status, 'unreliable');
            assert.equal(stat.weakly_connected, true);
            assert.deepEqual(stat.current_unl, unl.sort());
        });
    }

    scoped_test('an observer says why and waits', async (scope) => {
        const node = await scope.start_node({ config: { node: { role: 'observer' } } });
        const user = await scope.login(node);
        await node.wait_log(why_waiting);
        const stat = await user.stat();
        assert.equal(stat.ledger_seq_no, 0);
        assert.equal(stat.vote_status, 'unreliable');
    });

    scoped_test('a restarted node says again why it waits', async (scope) => {
        const member = members['sorted list'];
        const { node } = await with_two_members(scope, member);
        await node.stop();
        const from = node.log_text().length;
        await node.run();
        await node.wait_log(why_waiting, { from });
    });
});
