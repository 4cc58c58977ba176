// SPDX-License-Identifier: Apache-2.0
//
// What a contract must not do (tests/contracts/bad_contract), each on a node of its own: the next
// ledgers close, the log says what happened, reads are answered, nothing of the run stays
// behind, and the node's memory is bounded. Then the node stops cleanly and starts again.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe } from 'node:test';

import { idle } from '../lib/idle.mjs';
import { hpnode_path, native_contract } from '../lib/node.mjs';
import { fresh_uid, other_user_problem, user_place } from '../lib/places.mjs';
import { scaled } from '../lib/scale.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { Tmpfs } from '../lib/tmpfs.mjs';
import { fresh_ip, patience_ms, until } from '../lib/util.mjs';

const roundtime_ms = 200;
const exec_timeout_ms = 1500;
const long_timeout_ms = 90000; // where the work itself has to come to its end
const tests_at_once = 8;
const peak_rss_max_mib = 400;
const mib = 1024 * 1024;

const swarm = scaled({ usual: 300, full: 2000 });
const flood_mib = scaled({ usual: 320, full: 1024 }); // beyond what a run may output
const lone_mib = scaled({ usual: 160, full: 1024 }); // beyond what a message may have
const tiny_outputs_mib = scaled({ usual: 2, full: 4 });
const ignored_mib = scaled({ usual: 128, full: 512 });
const npl_messages = scaled({ usual: 2000, full: 8000 });
const control_messages = scaled({ usual: 20000, full: 100000 });
const many_files = scaled({ usual: 10000, full: 100000 });

const machine_mounts = fs.readlinkSync('/proc/self/ns/mnt');

const auto = { sandbox: 'auto' };
const auto_user = { sandbox: 'auto', unprivileged: true };
const off = { sandbox: 'off' };
const off_user = { sandbox: 'off', unprivileged: true };
const strict = { sandbox: 'strict' };
const strict_user = { sandbox: 'strict', unprivileged: true };
const auto_run_as = { sandbox: 'auto', run_as: true };
const usual = [auto, off_user];
const sandboxed = [auto, auto_user, strict, strict_user];
const everywhere = [auto, auto_user, off_user, strict_user];

// Many files are made in memory where there is room: some disks need minutes to remove them again.
const memory_directory = '/dev/shm';
const memory_needed_bytes = scaled({ usual: 256, full: 2048 }) * mib; // pages for all, twice

function memory_problem() {
    if (!fs.existsSync(memory_directory)) return `no ${memory_directory}`;
    const { bavail, bsize } = fs.statfsSync(memory_directory);
    return bavail * bsize < memory_needed_bytes ? `${memory_directory} is too small` : '';
}

const name_of = ({ sandbox, unprivileged, run_as }) =>
    `sandbox ${sandbox}${unprivileged ? ', unprivileged' : ''}${run_as ? ', run_as' : ''}`;

function merged(...configs) {
    const out = {};
    for (const config of configs) {
        for (const [key, value] of Object.entries(config ?? {})) {
            const nested = typeof value === 'object' && !Array.isArray(value);
            out[key] = nested ? merged(out[key], value) : value;
        }
    }
    return out;
}

function options_of(behaviour, { sandbox, unprivileged, run_as }) {
    const user = fresh_uid();
    const base = {
        node: { pace: 'paced' },
        contract: {
            sandbox,
            run_as: run_as ? `${user}:${user}` : '',
            consensus: { roundtime: roundtime_ms },
            round_limits: { exec_timeout: exec_timeout_ms },
        },
    };
    return {
        // Beside the state, so that it is still there when the state is gone.
        contract: native_contract('../bad_contract'),
        config: merged(base, behaviour.config),
        place: user_place({ uid: unprivileged ? user : undefined }),
        ...behaviour.options,
    };
}

/**
 * behaviour.name
 * behaviour.inputs  texts, or [text, expected answer by text or RegExp], one run each; functions of
 *                   the test's surroundings { node, outside } make the text
 * behaviour.log     what the log has to say
 * behaviour.config  merged over hp.cfg
 * behaviour.options of the node
 * behaviour.slow    further time, in ms, that the work itself takes
 * behaviour.peak_rss_max_mib  where that is not the usual one
 * behaviour.check   function of the surroundings; what else must be true at the end
 */
function describe_bad(title, behaviours) {
    describe(`bad: ${title}`, { concurrency: tests_at_once }, () => {
        for (const behaviour of behaviours) {
            for (const variant of behaviour.variants ?? usual) {
                const name = `${behaviour.name} (${name_of(variant)})`;
                scoped_test(name, (scope, context) => run_test(scope, context, behaviour, variant));
            }
        }
    });
}

async function run_test(scope, context, behaviour, variant) {
    const problem =
        behaviour.problem?.() ||
        (variant.unprivileged || variant.run_as ? other_user_problem(hpnode_path) : '');
    if (problem) return context.skip(problem);
    const outside = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-outside-'));
    try {
        fs.chmodSync(outside, 0o777);
        fs.writeFileSync(path.join(outside, 'secret.txt'), 'secret', { mode: 0o640 });
        const node = await scope.start_node(options_of(behaviour, variant));
        await misbehave(scope, { node, outside, variant, scope }, behaviour);
        return assert.equal(
            fs.readFileSync(path.join(outside, 'secret.txt'), 'utf8'),
            'secret',
            'a file outside of the state has changed',
        );
    } finally {
        fs.rmSync(outside, { recursive: true });
    }
}

async function misbehave(scope, surroundings, behaviour) {
    const { node } = surroundings;
    const attacker = await scope.login(node, { local_address: fresh_ip(), label: 'attacker' });
    const victim = await scope.login(node, { label: 'victim' });
    victim.subscribe('ledger_event');
    await victim.echo('before');
    const log_from = node.log_text().length;
    for (const input of behaviour.inputs ?? []) {
        await run_input(attacker, victim, surroundings, input, behaviour.slow ?? 0);
    }
    for (const input of behaviour.reads ?? []) {
        await run_read(attacker, surroundings, input);
        await victim.echo(`after ${input[0]}`);
    }
    if (behaviour.log) await node.wait_log(behaviour.log, { from: log_from });

    await victim.echo('after');
    await read_back(victim, 'read after');
    await until(() => node.contract_processes().length === 0, {
        what: `end of contract processes ${node.contract_processes()}`,
    });
    const peak_mib = node.peak_rss_kb() / 1024;
    const bound_mib = behaviour.peak_rss_max_mib ?? peak_rss_max_mib;
    assert.ok(peak_mib < bound_mib, `the node took ${peak_mib} MiB of memory`);
    const state = await idle(victim, node);

    const exit = await node.stop();
    assert.deepEqual({ code: exit.code, forced: exit.forced }, { code: 0, forced: undefined });
    assert.deepEqual(await node.await_no_leftovers(), []);
    await node.run();
    const again = await scope.login(node, { keys: victim.keys, label: 'victim again' });
    await again.echo('after a restart');
    assert.equal(await idle(again, node), state, 'a restart has changed the state');
    await behaviour.check?.(surroundings);
}

async function run_input(attacker, victim, surroundings, input, slow_ms) {
    const [make, expected] = Array.isArray(input) ? input : [input];
    const text = typeof make === 'function' ? make(surroundings) : make;
    const built = await attacker.submit(`bad ${text}`);
    const { ledger_seq_no } = await attacker.wait_accepted(built.hash);
    // The second one needs the result of the run.
    const timeout_ms = patience_ms + slow_ms;
    const matches = (msg) =>
        msg.event === 'ledger_created' && msg.ledger.seq_no >= ledger_seq_no + 2;
    await victim.wait(matches, { timeout_ms, what: `ledgers after "${text.slice(0, 40)}"` });
    if (expected === undefined) return;
    const is_answer = (msg) =>
        msg.type === 'contract_output' && msg.ledger_seq_no === ledger_seq_no + 1;
    const { msg } = await attacker.wait(is_answer, { from: built.from, what: `answer to ${text}` });
    check_text(attacker.content_text(msg.outputs[0]), expected, text, surroundings);
}

async function run_read(attacker, surroundings, [make, expected]) {
    const text = typeof make === 'function' ? make(surroundings) : make;
    const from = attacker.mark();
    attacker.read(`bad ${from}`, `bad ${text}`);
    const { msg } = await attacker.wait('contract_read_response', { from });
    check_text(attacker.content_text(msg.content), expected, text, surroundings);
}

function check_text(text, expected, what, surroundings) {
    if (typeof expected === 'function') expected(text, surroundings);
    else if (expected instanceof RegExp) assert.match(text, expected, `answer to "${what}"`);
    else assert.equal(text, expected, `answer to "${what}"`);
}

async function read_back(user, text) {
    const from = user.mark();
    user.read(text, text);
    const { msg } = await user.wait('contract_read_response', { from });
    assert.equal(msg.content, text);
}

const state_path = (node, name) => path.join(node.state_dir, name);
const state_text = (node, name) => fs.readFileSync(state_path(node, name), 'utf8');

// ---- ends and processes

const timed_out = /timed out/i;
const supervisor_lost = /\[(wrn|err)\]/;

describe_bad('ends of contracts and their processes', [
    { name: 'a crash', inputs: ['crash'], log: /SIGSEGV/, variants: everywhere },
    { name: 'exit code 1', inputs: ['exit:1'], log: /exit code 1/ },
    { name: 'a hang that ignores SIGTERM', inputs: ['hang'], log: timed_out, variants: everywhere },
    { name: 'an endless loop', inputs: ['spin'], log: timed_out },
    { name: 'SIGSTOP to itself', inputs: ['stop_self'], log: timed_out },
    { name: 'SIGSTOP to its parent', inputs: ['stop_parent'], variants: everywhere },
    {
        name: 'SIGSTOP to its parent, then a hang',
        inputs: ['stop_parent_and_hang'],
        variants: [...everywhere, off],
        log: supervisor_lost,
    },
    { name: 'SIGKILL to its parent', inputs: ['kill_parent'], variants: [...everywhere, off] },
    {
        name: 'SIGKILL to all processes of its user',
        inputs: ['kill_all'],
        variants: [auto_user, strict_user, auto_run_as],
    },
    {
        name: 'a fork bomb',
        inputs: [`fork_bomb:${swarm}`, `fork_bomb:${swarm}`],
        variants: [...everywhere, off, auto_run_as],
        slow: 5000,
    },
    {
        name: 'a daemon that keeps all descriptors',
        inputs: [['daemon', 'daemon started']],
        variants: [...everywhere, off],
        async check({ node }) {
            const size = () => fs.statSync(state_path(node, 'daemon.txt')).size;
            const before = size();
            await until(() => node.contract_processes().length === 0);
            assert.equal(size(), before, 'the daemon goes on');
        },
    },
    { name: 'a clone without a signal at its end', inputs: [['clone', 'clone started']] },
    { name: 'closing all descriptors', inputs: ['close_all'] },
    { name: 'shutting all channels down', inputs: ['shut_all'] },
    {
        name: 'more memory than proc_mem_bytes',
        inputs: [[`memory:${600 * mib}`, /^ENOMEM after \d+$/]],
        config: { contract: { round_limits: { proc_mem_bytes: 100 * mib } } },
    },
]);

// ---- channels

describe_bad('floods and nonsense on the channels', [
    { name: 'a header of two bytes', inputs: ['short_header'], log: /incomplete/ },
    { name: 'a header of 4 GiB', inputs: ['huge_header'], log: /4294967295 bytes/ },
    {
        name: `${flood_mib} MiB of output in 64 KiB messages`,
        inputs: [`flood_outputs:${flood_mib}:65532`],
        log: /go over the limit/,
        slow: 60000,
        // 256 MiB count, which the ledger database needs three times while it stores them.
        peak_rss_max_mib: 900,
        config: { contract: { round_limits: { exec_timeout: long_timeout_ms } } },
    },
    {
        name: `${lone_mib} MiB of output in one message`,
        inputs: [`flood_outputs:${lone_mib}:${lone_mib * mib}`],
        log: new RegExp(`${lone_mib * mib} bytes`),
        slow: 60000,
        config: { contract: { round_limits: { exec_timeout: long_timeout_ms } } },
        variants: [auto],
    },
    {
        name: `${tiny_outputs_mib} million outputs of one byte`,
        inputs: [`flood_outputs:${tiny_outputs_mib}:1`],
        log: /go over the limit/,
        slow: 60000,
        config: { contract: { round_limits: { exec_timeout: long_timeout_ms } } },
        variants: [auto],
    },
    {
        name: 'output far over user_output_bytes',
        inputs: [`flood_outputs:${ignored_mib}:1000`],
        log: /user_output_bytes/,
        slow: 30000,
        config: {
            contract: { round_limits: { user_output_bytes: 10000, exec_timeout: long_timeout_ms } },
        },
    },
    {
        name: 'a flood of NPL that nobody reads',
        inputs: [[`flood_npl:${npl_messages}`, `sent ${npl_messages}`]],
        log: /NPL messages were dropped/,
        slow: 30000,
        config: { contract: { round_limits: { exec_timeout: long_timeout_ms } } },
    },
    {
        name: 'a flood of stdout and stderr, not logged',
        inputs: [['flood_streams:16', 'flooded']],
        slow: 30000,
        config: { contract: { round_limits: { exec_timeout: long_timeout_ms } } },
    },
    {
        name: 'a flood of stdout and stderr, logged',
        inputs: [['flood_streams:64', 'flooded']],
        slow: 30000,
        config: {
            contract: {
                log: { enable: true, max_mbytes_per_file: 1, max_file_count: 3 },
                round_limits: { exec_timeout: long_timeout_ms },
            },
        },
        check({ node }) {
            const directory = path.join(node.dir, 'log', 'contract');
            const sizes = fs.readdirSync(directory).map((name) => {
                return fs.statSync(path.join(directory, name)).size;
            });
            const total = sizes.reduce((sum, size) => sum + size, 0);
            assert.ok(total <= 2 * 3 * 1.1 * mib, `${total} bytes in ${sizes.length} files`);
        },
    },
    {
        name: `${control_messages} control messages`,
        inputs: [[`flood_control:${control_messages}`, `sent ${control_messages}`]],
        slow: 30000,
        config: {
            contract: { round_limits: { exec_timeout: long_timeout_ms } },
            mesh: { peer_discovery: { enabled: false } },
        },
    },
    {
        name: 'nonsense on the control channel',
        inputs: [['junk_control', 'sent']],
        log: /control message/,
        config: { mesh: { peer_discovery: { enabled: false } } },
    },
    { name: 'channels used the wrong way round', inputs: [['mix_up', 'done']] },
]);

// ---- files

/** The run that is void gives no answer and leaves no trace. */
const void_run = /void/;

const patch_is_restored = ({ node }) => {
    const patch = JSON.parse(fs.readFileSync(node.patch_path));
    assert.equal(patch.version, '1.0');
};

describe_bad('files', [
    {
        name: 'patch.cfg deleted',
        inputs: [['delete_patch', 'ok']],
        log: /patch\.cfg/,
        check: patch_is_restored,
    },
    { name: 'garbage in patch.cfg', inputs: [['garble_patch', 'ok']], log: /patch\.cfg/ },
    ...['directory', 'symlink', 'fifo', 'large'].map((kind) => ({
        name: `patch.cfg replaced (${kind})`,
        inputs: [[`replace_patch:${kind}`, 'ok']],
        log: /patch\.cfg/,
        check: patch_is_restored,
    })),
    {
        name: 'chmod 000 on everything',
        inputs: [
            ['lock_out', 'ok'],
            ['write:locked/file.txt=again', 'ok'],
            ['write:unreadable.txt=again', 'ok'],
        ],
        variants: [...everywhere, off],
        check({ node }) {
            assert.equal(state_text(node, 'locked/file.txt'), 'again');
            assert.equal(fs.statSync(state_path(node, 'locked')).mode & 0o777, 0o755);
        },
    },
    {
        name: 'links out of the state',
        inputs: [
            [({ outside }) => `symlinks:${outside}`, 'ok'],
            [({ outside }) => `swap_folder:${outside}`, 'ok'],
        ],
        variants: everywhere,
        check({ node, outside }) {
            assert.equal(fs.readlinkSync(state_path(node, 'folder')), outside);
            assert.equal(fs.statSync(path.join(outside, 'secret.txt')).mode & 0o777, 0o640);
            assert.equal(fs.statSync(outside).mode & 0o777, 0o777);
            assert.deepEqual(fs.readdirSync(outside), ['secret.txt']);
        },
    },
    {
        name: 'the state directory replaced by a link',
        inputs: [({ outside }) => `swap_state:${outside}`],
        log: /state directory/,
        variants: everywhere,
        check({ node, outside }) {
            assert.ok(fs.lstatSync(node.state_dir).isDirectory());
            assert.equal(fs.statSync(outside).mode & 0o777, 0o777);
        },
    },
    { name: 'the state directory moved away', inputs: ['move_state'], log: /state directory/ },
    {
        name: 'names of 255 bytes, of no encoding, with new lines',
        inputs: [['strange_names', 'ok']],
        variants: everywhere,
        check({ node }) {
            assert.equal(fs.readdirSync(node.state_dir).length, 9);
        },
    },
    { name: 'directories nested too deep', inputs: ['deep:300'], log: void_run },
    { name: 'directories nested deep', inputs: [['deep:100', 'ok']] },
    {
        name: `${many_files} files`,
        inputs: [
            [`many_files:${many_files}`, `made ${many_files}`],
            [`remove_files:${many_files}`, 'ok'],
        ],
        config: { contract: { round_limits: { exec_timeout: long_timeout_ms } } },
        slow: 60000,
        variants: [auto],
        options: memory_problem() ? {} : { place: user_place({ directory: memory_directory }) },
        problem: scaled({ usual: () => '', full: memory_problem }),
    },
    {
        name: 'hard links in and out of the state',
        inputs: [
            ['hard_links', 'ok'],
            ['write_through_links', 'ok'],
        ],
        variants: everywhere,
        check(surroundings) {
            const { node } = surroundings;
            patch_is_restored(surroundings);
            assert.equal(state_text(node, 'one.txt'), 'shared');
            assert.equal(state_text(node, 'two.txt'), 'shared');
            assert.equal(state_text(node, 'private.txt'), 'private');
            assert.equal(state_text(node, 'patch.txt'), 'not a configuration');
        },
    },
    {
        name: 'sockets, fifos and devices',
        inputs: [['special_files', 'ok']],
        log: /removed what is no content/,
        variants: everywhere,
        check({ node }) {
            assert.deepEqual(fs.readdirSync(node.state_dir), ['sub']);
        },
    },
    { name: 'strange modes', inputs: [['strange_modes', 'ok']], variants: everywhere },
    { name: 'a file of 300 GiB that is a hole', inputs: ['sparse:300'], log: void_run },
    {
        name: 'more than round_limits.state_bytes',
        inputs: ['fill:100'],
        log: void_run,
        config: { contract: { round_limits: { state_bytes: 32 * mib } } },
        check({ node }) {
            assert.ok(!fs.existsSync(state_path(node, 'fill.bin')));
        },
    },
]);

// ---- the disk

const small_disk_kib = 64 * 1024;
const large_disk_kib = 1024 * 1024;
const disk_full = 71;
const refused = 255; // what is needed before the node is up does not fit either

/** Runs `run` with a node on a small disk of its own. */
function disk_test(name, config, run) {
    scoped_test(name, async (scope, context) => {
        const disk = await Tmpfs.make(small_disk_kib);
        if (!disk) return context.skip(`no mount namespace: ${Tmpfs.problem.trim()}`);
        try {
            const until_full = { ...config, node: { disk_reserve_mbytes: 0 } };
            const options = options_of({ config: until_full }, auto);
            const node = await scope.start_node({ ...options, place: disk });
            const user = await scope.login(node);
            await user.echo('before');
            return await run(scope, node, user, disk);
        } finally {
            for (const node of scope.owned) await node.kill();
            await disk.dispose();
        }
    });
}

describe('bad: a contract that fills the disk', { concurrency: true }, () => {
    const quota = { contract: { round_limits: { state_bytes: 8 * mib } } };
    disk_test('with a quota its runs are void and all goes on', quota, async (...all) => {
        const [, node, user] = all;
        for (let count = 0; count < 3; count += 1) {
            const from = node.log_text().length;
            const built = await user.submit('bad fill:20');
            await user.wait_accepted(built.hash);
            await node.wait_log(void_run, { from });
            await user.echo(`after ${count}`);
        }
        assert.ok(!fs.existsSync(state_path(node, 'fill.bin')));
        await idle(user, node);
    });

    for (const [name, text] of [
        ['in its state', 'fill:200'],
        ['beside its state', 'fill_beside:200'],
    ]) {
        disk_test(`without a quota, ${name}: the node waits for space`, {}, async (...all) => {
            const [scope, node, user, disk] = all;
            const built = await user.submit(`bad ${text}`);
            await user.wait_accepted(built.hash);
            for (let count = 0; count < 2; count += 1) {
                const exit = await node.wait_exit();
                const codes = count === 0 ? [disk_full] : [disk_full, refused];
                assert.ok(codes.includes(exit.code), node.exit_text());
                await node.wait_log(/\[err\].*(No space left|disk is full)/);
                assert.deepEqual(await node.await_no_leftovers(), []);
                node.spawn();
            }
            await node.wait_exit();
            disk.resize(large_disk_kib);
            await node.run();
            const again = await scope.login(node, { keys: user.keys });
            await again.echo('after');
            await idle(again, node);
        });
    }
});

// ---- escapes

/** Lines of attempts that succeeded. */
const successes = (text) => text.split('\n').filter((line) => / ok$/.test(line));

const none_succeeds = (text) => {
    assert.deepEqual(
        successes(text).filter((line) => line !== 'none ok'),
        [],
    );
};

/** No file of that name anywhere in the node's directory, and the one that was there is whole. */
function nothing_escaped({ node }) {
    const names = fs.readdirSync(node.dir, { recursive: true });
    assert.deepEqual(
        names.filter((name) => /escaped|linked|renamed/.test(name)),
        [],
    );
    assert.equal(state_text(node, 'kept.txt'), 'kept');
    const committed = path.join(node.dir, 'contract_fs', 'base', 'state', 'kept.txt');
    assert.equal(fs.readFileSync(committed, 'utf8'), 'kept');
}

describe_bad('ways out', [
    {
        name: 'ptrace and memory of the node',
        inputs: [['trace_ancestors', none_succeeds]],
        reads: [['trace_ancestors', none_succeeds]],
        variants: sandboxed,
    },
    {
        name: 'writing to the view of a read request',
        inputs: [['write:kept.txt=kept', 'ok']],
        reads: [[({ node }) => `write_view:${node.own_dir}`, none_succeeds]],
        variants: [...everywhere, off],
        check: nothing_escaped,
    },
    {
        name: 'remounting the view of a read request',
        inputs: [['write:kept.txt=kept', 'ok']],
        reads: [
            [
                `remount:${machine_mounts}`,
                (text) => {
                    const created = successes(text).filter((line) => / create /.test(line));
                    assert.deepEqual(created, []);
                },
            ],
        ],
        variants: [...everywhere, off],
        check: nothing_escaped,
    },
    {
        name: 'reading hp.cfg',
        inputs: [[({ node }) => `read_config:${node.own_dir}`, none_succeeds]],
        reads: [[({ node }) => `read_config:${node.own_dir}`, none_succeeds]],
        variants: sandboxed,
    },
    {
        name: "a client of the node's own user port",
        inputs: [({ node }) => `connect:${node.port}`],
        reads: [
            [
                ({ node }) => `connect:${node.port}`,
                (text, { variant }) => {
                    const connected = variant.sandbox === 'strict' ? 0 : 20;
                    assert.equal(successes(text).length, connected, text);
                },
            ],
        ],
        config: { contract: { round_limits: { exec_timeout: 10000 } } },
        variants: everywhere,
        slow: 5000,
    },
]);
