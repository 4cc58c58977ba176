// SPDX-License-Identifier: Apache-2.0
//
// Contracts that turn against their own files: the state, patch.cfg and what is above them, as the
// node's user, as an ordinary user, and under run_as. After each of them the next ledgers close,
// inputs and reads are answered, the log says what happened where there is something to say, and
// the ledgers agree with what is on disk, also after a restart.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { describe } from 'node:test';

import { host_place, hpnode_path } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { run_task, task_contract } from '../lib/task_contract.mjs';

const contract = task_contract();
const is_root = process.getuid() === 0;
const other_id = 54321;
const ledgers_after = 2;
const nodes_at_once = 6;

/** Nodes that run as a user without privileges. */
const unprivileged = {
    ...host_place,
    make_root() {
        const root = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-test-'));
        fs.chmodSync(root, 0o755);
        fs.chownSync(root, other_id, other_id);
        return root;
    },
    command: (words) => [...as_other, ...words],
};
const as_other = ['setpriv', `--reuid=${other_id}`, `--regid=${other_id}`, '--clear-groups'];

function others_can_run_nodes() {
    const words = [...as_other, hpnode_path, 'version'];
    return is_root && spawnSync(words[0], words.slice(1)).status === 0;
}

const variants = { 'same user': {}, 'same user, no sandbox': { sandbox: 'off' } };
const run_as_other = { run_as: `${other_id}:${other_id}`, uid: other_id };
if (others_can_run_nodes()) {
    variants['ordinary user, no sandbox'] = { place: unprivileged, uid: other_id, sandbox: 'off' };
    variants['run_as'] = run_as_other;
}

async function start(scope, { place, run_as = '', sandbox = 'auto' }) {
    const config = { contract: { run_as, sandbox } };
    const node = await scope.make_node({ contract, place, config });
    if (run_as) fs.chmodSync(node.root, 0o755); // the contract has to get to its files
    await node.run();
    return node;
}

async function status_of(node) {
    const { code, stdout, stderr } = await node.command('status', '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
}

/** Ledgers close, inputs and reads are answered. */
async function expect_good_health(scope, node) {
    const user = await scope.login(node);
    user.subscribe('ledger_event');
    const before = (await user.lcl()).ledger_seq_no;
    await user.echo('write:proof=well', { expected: 'ok' });
    const where = (ledger) => ledger.seq_no >= before + ledgers_after;
    const ledger = await user.next_ledger({ from: 0, where });
    user.read('r', 'read:proof');
    assert.equal((await user.wait('contract_read_response')).msg.content, 'well');
    assert.equal((await user.stat()).vote_status, 'synced');
    await user.close();
    return ledger;
}

/** What the ledgers say is on disk, in both views. */
async function expect_agreement(node) {
    const { contract: seen } = await status_of(node);
    assert.equal(seen.rejected_patch, null);
    await node.stop();
    await node.run(); // refuses a state that is not what the ledgers say
    const again = (await status_of(node)).contract;
    assert.equal(again.state_root, seen.state_root);
    assert.equal(again.config_root, seen.config_root);
}

// Each with what the log says about it, if anything. Everything is undone or kept by rules of its
// own, which the unit tests of the state show; here the node as a whole has to cope.
const deeds = {
    'chmod 000 of everything': [
        'mkdir -p d/e && echo x >d/e/f && chmod 000 d/e/f d/e d && chmod 000 .. && chmod 000 .',
    ],
    'rm -rf of the state': ['rm -rf ../state', /state directory is gone/],
    'a file in place of the state': [
        'rm -rf ../state && echo x >../state',
        /state directory is gone/,
    ],
    'a symlink in place of the state': [
        'mv ../state ../away && ln -s /etc ../state',
        /state directory is gone/,
    ],
    'symlinks out of the state': [
        'ln -s / root && ln -s ../../.. up && ln -s self self && ln -s /etc/passwd e',
    ],
    'names of any bytes': [
        [
            `for name in '%0255d' '\\377\\376' 'a\\nb' '\\033[2J' ' ' '-rf'; do`,
            '    echo x >"$(printf -- "$name" 0)" || exit 1',
            'done',
        ].join('\n'),
    ],
    'hard links': ['echo x >f && ln f g && ln f ../h && ln ../patch.cfg c'],
    'sockets, fifos and devices': [
        'mkfifo a && mkdir -p d && mkfifo d/b && (mknod c c 1 3 || true)',
        /removed what is no content/,
    ],
    'a tree too deep': [
        'i=0; while [ $i -lt 140 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done',
        /run is void.*nested deeper/,
    ],
    'a sparse file of 1 TiB': ['truncate -s 1T huge', /run is void.*bytes/],
    'ten thousand files': ['mkdir -p many && cd many && seq 10000 | xargs touch'],
    'patch.cfg removed': ['rm ../patch.cfg'],
    'patch.cfg a directory': ['rm ../patch.cfg && mkdir -p ../patch.cfg/x', /patch\.cfg.*restored/],
    'patch.cfg a symlink': [
        'rm ../patch.cfg && ln -s /etc/passwd ../patch.cfg',
        /patch\.cfg.*restored/,
    ],
    'patch.cfg a fifo': ['rm ../patch.cfg && mkfifo ../patch.cfg', /patch\.cfg.*restored/],
    'patch.cfg of 2 GB': ['truncate -s 2G ../patch.cfg', /patch\.cfg.*restored/],
    'patch.cfg of mode 000': ['chmod 000 ../patch.cfg'],
};
const root_deeds = {
    'locked files': [
        [
            'mkdir l && echo x >l/f && echo x >a && chattr +i l/f && chattr +i l',
            'chattr +a a && chattr +i ../patch.cfg && chattr +a .',
        ].join('\n'),
    ],
};

function can_lock() {
    const file = path.join(os.tmpdir(), `hp-js-lock-${process.pid}`);
    fs.writeFileSync(file, '');
    const locked = spawnSync('chattr', ['+i', file]).status === 0;
    if (locked) spawnSync('chattr', ['-i', file]);
    fs.rmSync(file);
    return locked;
}

async function survive(scope, node, [deed, logged], { uid }) {
    const from = node.log_text().length;
    const patch = fs.readFileSync(node.patch_path);
    await run_task(node, deed, { uid });
    await expect_good_health(scope, node);
    if (logged) await node.wait_log(logged, { from });
    assert.deepEqual(fs.readFileSync(node.patch_path), patch);
    await expect_agreement(node);
}

for (const [variant, options] of Object.entries(variants)) {
    describe(`hostile: the state, ${variant}`, { concurrency: nodes_at_once }, () => {
        for (const [name, deed] of Object.entries(deeds)) {
            scoped_test(name, async (scope) => {
                await survive(scope, await start(scope, options), deed, options);
            });
        }
    });
}

describe('hostile: the state, root only', { skip: !is_root || !can_lock() }, () => {
    for (const [name, deed] of Object.entries(root_deeds)) {
        scoped_test(name, async (scope) => {
            await survive(scope, await start(scope, { sandbox: 'off' }), deed, {});
        });
    }

    for (const sandbox of others_can_run_nodes() ? ['off', 'auto'] : []) {
        scoped_test(`run_as keeps the node's files apart, sandbox ${sandbox}`, async (scope) => {
            const node = await start(scope, { ...run_as_other, sandbox });
            const files = ['cfg/hp.cfg', 'contract_fs/base/patch.cfg', 'ledger_fs/ledger.db'];
            const picture = () =>
                files.map((name) => {
                    const { ino, mode, uid } = fs.statSync(path.join(node.dir, name));
                    return { name, ino, mode, uid };
                });
            const before = picture();
            const secret = node.read_config().node.private_key;
            const lines = files.flatMap((name) => {
                const file = `../../../${name}`;
                return [`echo x >>${file}`, `rm -f ${file}`, `chmod 777 ${file}`];
            });
            lines.push('ln ../../../cfg/hp.cfg stolen', 'cat ../../../cfg/hp.cfg');
            const task = lines.map((line) => `${line}; true`).join('\n');
            const log = await run_task(node, task, { uid: other_id });
            assert.deepEqual(picture(), before, log);
            assert.ok(!log.includes(secret));
            assert.equal(node.read_config().node.private_key, secret);
            await expect_good_health(scope, node);
            await expect_agreement(node);
        });
    }
});
