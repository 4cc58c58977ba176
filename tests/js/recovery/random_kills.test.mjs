// SPDX-License-Identifier: Apache-2.0
//
// Users submit numbered inputs without pause while the node is killed again and again at random
// moments, start-up included. Whatever was promised must be in the chain, once, and the state must
// be what executing the chain gives. HP_SEED repeats a sequence of decisions, HP_KILLS its length.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import {
    check_links,
    check_outputs,
    check_promises,
    executed_inputs,
    read_chain,
} from '../lib/chain.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { state_root_hex } from '../lib/state_hash.mjs';
import { SteadyUser } from '../lib/steady_user.mjs';
import { chosen_seed, make_random, sleep } from '../lib/util.mjs';

const kills = Number(process.env.HP_KILLS ?? 20);
const starting_ms_max = 150; // kills within this time hit recovery and the opening of the port
const running_ms_max = 1200;
const starting_share = 0.25;
const sigterm_share = 0.15;
const slow_share = 0.03;
const pause_ms_max = 120;
const slow_run_ms = 80;
const test_timeout_ms = 300000;
const accepted_min = 1; // per kill, on average

const answer_of = (text) => /=(.*?)(:\d+)?$/.exec(text)[1];

/** The lines that the run for this input adds to the log file. */
function lines_of(text) {
    const answer = answer_of(text);
    return text.startsWith('slow') ? [`B ${answer}`, `E ${answer}`] : [answer];
}

function make_user(node, name, protocol, random) {
    const make_text = (number) =>
        random() < slow_share
            ? `slowappend:log.txt=${name} ${number}:${slow_run_ms}`
            : `append:log.txt=${name} ${number}`;
    return new SteadyUser(node, {
        protocol,
        make_text,
        pause_ms: () => random() * pause_ms_max,
    });
}

/** Of the process that was started when the log had this length; it may have said nothing yet. */
function is_starting(node, log_length) {
    return !node.log_text().slice(log_length).includes('listening for users');
}

/** Ends the node at a random moment of its life and starts it again, without waiting for it. */
async function end_and_restart(node, random) {
    const { log_length = 0 } = node;
    const starting = random() < starting_share;
    await sleep(random() * (starting ? starting_ms_max : running_ms_max));
    if (!starting && random() < sigterm_share) {
        const exit = await node.stop();
        // Before it can do anything that needs an orderly end, the signal just ends it.
        const in_time = exit.signal === 'SIGTERM' && is_starting(node, log_length);
        assert.ok(exit.code === 0 || in_time, node.exit_text());
    } else {
        const exit = await node.kill();
        assert.equal(exit.signal, 'SIGKILL', `the node ended by itself: ${node.exit_text()}`);
    }
    node.log_length = node.log_text().length;
    node.spawn();
}

async function check_everything(scope, node, users) {
    const reader = await scope.login(node, { label: 'reader' });
    reader.subscribe('ledger_event');
    // A ledger without inputs: its state hash covers everything before it.
    await reader.next_ledger({ where: (ledger) => /^0+$/.test(ledger.input_hash) });
    const ledgers = await read_chain(reader);
    check_links(ledgers);
    check_promises(ledgers, users);
    check_outputs(ledgers, answer_of);

    await node.stop();
    const verified = await node.command('ledger verify', '--json');
    assert.equal(verified.code, 0, verified.stderr);
    const result = JSON.parse(verified.stdout);
    assert.ok(result.last >= ledgers.length);
    assert.equal(result.with_raw, result.last, 'history is full');

    const expected = executed_inputs(ledgers).flatMap((input) => lines_of(input.text));
    const log = fs.readFileSync(path.join(node.state_dir, 'log.txt'), 'utf8');
    assert.deepEqual(log.split('\n').slice(0, -1), expected);
    const last_root = ledgers.at(-1).state_hash;
    assert.equal(state_root_hex(node.state_dir), last_root, 'the live state');
    return ledgers;
}

describe('recovery: random kills', () => {
    for (const roundtime of [50, 200]) {
        for (const pace of ['paced', 'eager']) {
            const title = `${kills} kills at roundtime ${roundtime}, ${pace}`;
            scoped_test(
                `${title}: every promise is kept`,
                async (scope, context) => {
                    const seed = chosen_seed();
                    context.diagnostic(`${title}: HP_SEED=${seed}`);
                    const random = make_random(seed);
                    const node = await scope.start_node({
                        name: `seed ${seed}`,
                        config: {
                            node: { history: 'full', pace },
                            contract: { consensus: { roundtime, mode: 'public' } },
                        },
                    });
                    const users = [
                        make_user(node, 'a', 'json', random),
                        make_user(node, 'b', 'bson', random),
                        make_user(node, 'c', 'json', random),
                    ];
                    for (const user of users) user.start();
                    for (let count = 0; count < kills; count += 1) {
                        await end_and_restart(node, random);
                    }
                    await node.await_ready();
                    await sleep(running_ms_max);
                    await Promise.all(users.map((user) => user.stop()));

                    const ledgers = await check_everything(scope, node, users);
                    const inputs = users.flatMap((user) => user.inputs);
                    const accepted = inputs.filter((input) =>
                        input.statuses.some((status) => status.status === 'accepted'),
                    );
                    const repeated = inputs.filter((input) => input.sent > 1);
                    context.diagnostic(
                        `${ledgers.length} ledgers, ${inputs.length} inputs, ` +
                            `${accepted.length} accepted, ${repeated.length} repeated`,
                    );
                    assert.ok(accepted.length > kills * accepted_min, 'the test tested something');
                    assert.ok(repeated.length > 0, 'no input was interrupted');
                },
                { timeout: test_timeout_ms },
            );
        }
    }
});
