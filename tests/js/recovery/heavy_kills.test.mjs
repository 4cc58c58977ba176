// SPDX-License-Identifier: Apache-2.0
//
// The node is killed again and again at random moments while its contract writes megabytes a second
// all over a large file. Afterwards the file must hold what the chain says, byte for byte, and have
// the certified hash. HP_SEED repeats a sequence of decisions, HP_HEAVY_KILLS its length.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { check_links, check_promises, executed_inputs, read_chain } from '../lib/chain.mjs';
import { native_contract } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { SteadyUser } from '../lib/steady_user.mjs';
import { stale_mounts, tracked_problem } from '../lib/tracked.mjs';
import { chosen_seed, make_random, sleep } from '../lib/util.mjs';

const kills = Number(process.env.HP_HEAVY_KILLS ?? 10);
const file_bytes = 24 * 1024 * 1024;
const text_bytes = 60000;
const running_ms_max = 900;
const starting_ms_max = 150;
const starting_share = 0.2;
const pause_ms_max = 60;
const test_timeout_ms = 60000 + kills * 8000;

/** `put:big.bin:<offset>=<text>`, anywhere in the file, over the borders of blocks. */
function make_user(node, name, protocol, random) {
    const make_text = (number) => {
        const at = Math.floor(random() * file_bytes);
        const size = 1 + Math.floor(random() * random() * text_bytes);
        return `put:big.bin:${at}=${`${name}${number},`.repeat(size).slice(0, size)}`;
    };
    return new SteadyUser(node, { protocol, make_text, pause_ms: () => random() * pause_ms_max });
}

function replay(inputs) {
    const out = Buffer.alloc(file_bytes + text_bytes);
    let size = 0;
    for (const { text } of inputs) {
        const [, at, content] = /^put:big\.bin:(\d+)=(.*)$/s.exec(text);
        out.write(content, Number(at), 'latin1');
        size = Math.max(size, Number(at) + content.length);
    }
    return out.subarray(0, size);
}

async function check_everything(scope, node, users) {
    const reader = await scope.login(node, { label: 'reader' });
    reader.subscribe('ledger_event');
    await reader.next_ledger({ where: (ledger) => /^0+$/.test(ledger.input_hash) });
    const ledgers = await read_chain(reader);
    check_links(ledgers);
    check_promises(ledgers, users, { distinct_outputs: false }); // all answers are "ok"
    await node.stop();
    assert.equal((await node.command('ledger verify')).code, 0);
    assert.equal((await node.command('state verify')).code, 0);
    const expected = replay(executed_inputs(ledgers));
    const live = fs.readFileSync(path.join(node.state_dir, 'big.bin'));
    assert.ok(live.equals(expected), 'the file is not what the chain says');
    assert.equal(state_root_hex(node.state_dir), ledgers.at(-1).state_hash, 'the live state');
    return ledgers;
}

describe('recovery: kills during heavy writes', () => {
    for (const backend of ['plain', 'tracked']) {
        scoped_test(
            `${kills} kills with backend ${backend}`,
            async (scope, context) => {
                const problem = backend === 'tracked' ? tracked_problem() : '';
                if (problem) {
                    context.skip(problem);
                    return;
                }
                const seed = chosen_seed();
                context.diagnostic(`${backend}: HP_SEED=${seed}`);
                const random = make_random(seed);
                const node = await scope.start_node({
                    name: `${backend}, seed ${seed}`,
                    contract: native_contract('posix_contract'),
                    config: {
                        node: { history: 'full' },
                        state: { backend },
                        contract: { consensus: { roundtime: 100, mode: 'public' } },
                    },
                });
                const users = [
                    make_user(node, 'a', 'json', random),
                    make_user(node, 'b', 'bson', random),
                ];
                for (const user of users) user.start();
                for (let count = 0; count < kills; count += 1) {
                    const starting = random() < starting_share;
                    await sleep(random() * (starting ? starting_ms_max : running_ms_max));
                    const exit = await node.kill();
                    assert.equal(exit.signal, 'SIGKILL', `it ended by itself: ${node.exit_text()}`);
                    assert.deepEqual(stale_mounts(node.root), []);
                    node.spawn();
                }
                await node.await_ready();
                await sleep(running_ms_max);
                await Promise.all(users.map((user) => user.stop()));
                const ledgers = await check_everything(scope, node, users);
                const inputs = executed_inputs(ledgers);
                const bytes = inputs.reduce((sum, { text }) => sum + text.length, 0);
                context.diagnostic(
                    `${ledgers.length} ledgers, ${inputs.length} inputs, ${bytes} bytes written`,
                );
                assert.ok(inputs.length > kills, 'the test tested something');
            },
            { timeout: test_timeout_ms },
        );
    }
});
