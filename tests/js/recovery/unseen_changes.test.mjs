// SPDX-License-Identifier: Apache-2.0
//
// Changes of the state that size and modification time do not show: restored backups, times set
// back, mappings; by a run, and on the disk of a node that is not running. Whatever the backend.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { idle } from '../lib/idle.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { run_task, task_contract } from '../lib/task_contract.mjs';
import { tracked_problem } from '../lib/tracked.mjs';

// Large enough for a record of what is written to it.
const large = 3 * 1024 * 1024;
const refused = 255;
const hour_ms = 3600 * 1000;

// More than the one byte that may be there by chance.
const change = (letter, at) =>
    `printf ${letter.repeat(16)} | dd of=large bs=1 seek=${at} conv=notrunc`;

const ways = {
    'a backup with its old times': 'cp -p large ../backup; sleep 0.1; printf x >>large',
    'the same size, and the time set back':
        `touch -r large ../time && ${change('y', 2000000)} && touch -r ../time large`,
    'another file of the same size and time by its name':
        `head -c ${large} /dev/urandom >new && touch -r large new && mv new large`,
    'all times in the future': `${change('z', 0)}; touch -d 2040-01-01 large .`,
};

/** The state of the newest ledger is the one that the files have. */
async function check_state(scope, node) {
    const user = await scope.login(node);
    assert.equal(await idle(user, node), state_root_hex(node.state_dir));
}

describe('recovery: changes that size and time do not show', { concurrency: true }, () => {
    for (const backend of ['plain', 'tracked']) {
        scoped_test(`by runs, backend ${backend}`, async (scope, context) => {
            const problem = backend === 'tracked' ? tracked_problem() : '';
            if (problem) {
                context.skip(problem);
                return;
            }
            const node = await scope.start_node({
                contract: task_contract(),
                config: { state: { backend } },
            });
            await run_task(node, `head -c ${large} /dev/urandom >large`);
            await check_state(scope, node);
            for (const [name, lines] of Object.entries(ways)) {
                const before = state_root_hex(node.state_dir);
                await run_task(node, lines);
                await check_state(scope, node);
                assert.notEqual(state_root_hex(node.state_dir), before, name);
            }
            const before = state_root_hex(node.state_dir);
            await run_task(node, 'cp -p ../backup large'); // the first of all, in a later run
            await check_state(scope, node);
            assert.notEqual(state_root_hex(node.state_dir), before);
        });
    }

    // As the node sees it: files are stamped by the clock of the machine.
    scoped_test('by runs, while the clock goes back', async (scope) => {
        const node = await scope.start_node({ contract: task_contract(), faulty: true });
        await run_task(node, `head -c ${large} /dev/urandom >large`);
        await check_state(scope, node);
        for (const [at, clock_ms] of [-hour_ms, hour_ms, -24 * hour_ms].entries()) {
            node.faults.set({ clock_ms });
            for (const lines of Object.values(ways)) {
                const before = state_root_hex(node.state_dir);
                await run_task(node, lines);
                await check_state(scope, node);
                assert.notEqual(state_root_hex(node.state_dir), before, lines);
            }
            if (at > 0) continue;
            await node.stop(); // what is known about the files is from an hour later
            await node.run();
            await check_state(scope, node);
        }
        await node.stop();
        assert.equal((await node.command('state verify')).code, 0);
        await node.run();
    });

    scoped_test('on the disk of a node that does not run', async (scope) => {
        const node = await scope.make_node({ contract: task_contract() });
        // From before the first ledger: what a run has written, the next start could repeat.
        fs.writeFileSync(path.join(node.state_dir, 'large'), Buffer.alloc(large, 'large'));
        await node.run();
        await check_state(scope, node);
        const root = state_root_hex(node.state_dir);
        await node.stop();
        const live = path.join(node.state_dir, 'large');
        const base = path.join(node.dir, 'contract_fs', 'base', 'state', 'large');
        const damage = (file) => {
            const { atime, mtime } = fs.statSync(file);
            const content = fs.readFileSync(file);
            content[large / 2] ^= 1;
            fs.writeFileSync(file, content);
            fs.utimesSync(file, atime, mtime);
        };
        damage(live); // put right from base/
        await node.run();
        await check_state(scope, node);
        assert.equal(state_root_hex(node.state_dir), root);
        await node.stop();
        damage(base); // nothing to put it right from
        assert.equal((await node.try_run()).code, refused);
        damage(base); // as it was
        await node.run();
        await check_state(scope, node);
        assert.equal(state_root_hex(node.state_dir), root);
    });
});
