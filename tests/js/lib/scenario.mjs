// SPDX-License-Identifier: Apache-2.0
//
// A scenario is a contract and a conversation with it. It is played on several independent nodes
// that differ in what a contract must not notice: sandbox, user, umask, and how the node is
// interrupted. Every node has to give the same answers and to end with the same state.

import assert from 'node:assert/strict';
import process from 'node:process';
import { after, describe } from 'node:test';

import { b3, make_keys } from './crypto.mjs';
import { idle, ledger_after } from './idle.mjs';
import { hpnode_path } from './node.mjs';
import { fresh_uid, other_user_problem, user_place } from './places.mjs';
import { scoped_test } from './scope.mjs';
import { tracked_problem } from './tracked.mjs';

// A run may take many of a node's short rounds.
const input_offset = 200;

// Native contracts do not mind being run ten times a second.
const quick = { pace: 'paced', roundtime_ms: 100 };
const slow = { pace: 'auto', roundtime_ms: 500 };

// HP_SANDBOX limits the run to some of them: "auto", or "off,strict".
export const sandboxes = (process.env.HP_SANDBOX ?? 'auto,off,strict').split(',');

/** How nodes differ. Interpreters take their time to start and meet fewer nodes. */
const all_variants = [
    { sandbox: 'auto', ending: 'kill' },
    { sandbox: 'auto', unprivileged: true, umask: '027', ending: 'stop' },
    { sandbox: 'auto', run_as: true, ending: 'stop', dear: true },
    { sandbox: 'off', unprivileged: true, ending: 'kill', dear: true },
    { sandbox: 'off', run_as: true, umask: '077', ending: 'stop' },
    { sandbox: 'strict', umask: '002', ending: 'kill', dear: true },
    { sandbox: 'strict', unprivileged: true, umask: '077', ending: 'kill' },
    { sandbox: 'auto', tracked: true, ending: 'kill' },
    { sandbox: 'off', run_as: true, tracked: true, ending: 'kill', dear: true },
    { sandbox: 'strict', unprivileged: true, tracked: true, ending: 'stop', dear: true },
];

function name_of({ sandbox, unprivileged, run_as, umask, tracked, ending }) {
    const parts = [`sandbox ${sandbox}`];
    if (tracked) parts.push('tracked');
    if (unprivileged) parts.push('unprivileged');
    if (run_as) parts.push('run_as');
    if (umask) parts.push(`umask ${umask}`);
    return [...parts, ending].join(', ');
}

/**
 * scenario.name
 * scenario.contract     as of TestNode
 * scenario.interpreter  whether an interpreter has to start for each run
 * scenario.config       merged over hp.cfg
 * scenario.protocol     of the user; default json
 * scenario.steps        [input, expected output]: one run each, expected by text, bytes, RegExp or
 *                       a function of the bytes; null where the run has no output
 * scenario.last         a step during which some of the nodes are killed
 * scenario.reads        [content, expected response], asked when all is done
 * scenario.check        function of the node; what else must be true then
 * scenario.problem      function; why it cannot be played here, if it cannot
 */
export function describe_scenario(scenario) {
    describe(`real: ${scenario.name}`, { concurrency: true }, () => {
        const states = new Map();
        for (const variant of all_variants) {
            if (!sandboxes.includes(variant.sandbox)) continue;
            if (variant.dear && scenario.interpreter) continue;
            scoped_test(
                name_of(variant),
                async (scope, context) => {
                    const problem = scenario.problem?.() || problem_of(variant);
                    if (problem) context.skip(problem);
                    else states.set(name_of(variant), await play(scope, scenario, variant));
                },
                { timeout: 180000 },
            );
        }
        after(() => {
            const list = [...states].map(([name, hash]) => `${hash} ${name}`).join('\n');
            assert.ok(new Set(states.values()).size <= 1, `different states:\n${list}`);
        });
    });
}

function problem_of({ unprivileged, run_as, tracked }) {
    return (
        (unprivileged || run_as ? other_user_problem(hpnode_path) : '') ||
        (tracked ? tracked_problem({ unprivileged }) : '')
    );
}

function options_of(scenario, variant) {
    const uid = variant.unprivileged ? fresh_uid() : undefined;
    const { pace, roundtime_ms } = scenario.interpreter ? slow : quick;
    const contract = {
        max_input_ledger_offset: input_offset,
        consensus: { roundtime: roundtime_ms },
        ...scenario.config?.contract,
        sandbox: variant.sandbox,
    };
    if (variant.run_as) {
        const number = fresh_uid();
        contract.run_as = `${number}:${number}`;
    }
    return {
        name: name_of(variant),
        contract: scenario.contract(),
        config: {
            node: { pace },
            state: { backend: variant.tracked ? 'tracked' : 'plain' },
            ...scenario.config,
            contract,
        },
        place: user_place({ uid, umask: variant.umask }),
    };
}

async function play(scope, scenario, variant) {
    const node = await scope.start_node(options_of(scenario, variant));
    const keys = make_keys(b3('user of', scenario.name));
    const { protocol } = scenario;
    let user = await scope.login(node, { keys, protocol });
    for (const step of scenario.steps) await take_step(user, step);
    if (variant.ending === 'kill') {
        user = await take_step_and_die(scope, node, user, scenario.last);
    } else {
        await take_step(user, scenario.last);
        await idle(user, node);
        await node.stop();
        await node.run();
        user = await scope.login(node, { keys, protocol });
    }
    const state = await idle(user, node);
    for (const [content, expected] of scenario.reads ?? []) {
        await check_read(user, content, expected);
    }
    await scenario.check?.(node, scope);
    return state;
}

async function take_step(user, [input, expected]) {
    const built = await user.submit(input, { offset: input_offset });
    const { ledger_seq_no } = await user.wait_accepted(built.hash, {
        from: built.from,
    });
    await check_output(user, input, expected, ledger_seq_no + 1);
}

/** Kills the node as soon as the ledger with the input is closed, most likely during the run. */
async function take_step_and_die(scope, node, user, [input, expected]) {
    const built = await user.submit(input, { offset: input_offset });
    const { ledger_seq_no } = await user.wait_accepted(built.hash, {
        from: built.from,
    });
    await node.kill();
    await user.wait_closed();
    await node.run();
    const again = await scope.login(node, { keys: user.keys, protocol: user.protocol });
    await check_recorded(again, input, expected, ledger_seq_no + 1);
    return again;
}

/** In the chain: what the node was about to tell when it was killed is not told again. */
async function check_recorded(user, input, expected, seq_no) {
    await ledger_after(user, seq_no - 1);
    const [ledger] = (await user.query(seq_no, ['outputs'])).results;
    const own = ledger.outputs.filter((item) => item.pubkey === user.keys.hex);
    const blobs = own.flatMap((item) => item.blobs);
    assert.equal(blobs.length, 1, `number of outputs of "${shown(input)}" in ledger ${seq_no}`);
    check_bytes(as_delivered(user, Buffer.from(blobs[0], 'hex')), expected, shown(input));
}

/** JSON users get outputs that are JSON as values, others as strings. */
function as_delivered(user, bytes) {
    if (user.bson_mode) return bytes;
    try {
        return user.content_bytes(JSON.parse(bytes.toString()));
    } catch {
        return bytes;
    }
}

async function check_output(user, input, expected, seq_no) {
    if (expected === null) {
        await ledger_after(user, seq_no - 1);
        return;
    }
    const matches = (msg) => msg.type === 'contract_output' && msg.ledger_seq_no >= seq_no;
    const { msg } = await user.wait(matches, {
        what: `outputs of "${shown(input)}"`,
    });
    assert.equal(msg.ledger_seq_no, seq_no, `ledger of the outputs of "${shown(input)}"`);
    assert.equal(msg.outputs.length, 1, `number of outputs of "${shown(input)}"`);
    check_bytes(user.content_bytes(msg.outputs[0]), expected, shown(input));
}

async function check_read(user, content, expected) {
    const id = `read ${user.mark()}`;
    const from = user.mark();
    user.read(id, content);
    const matches = (msg) => msg.type === 'contract_read_response' && msg.reply_for === id;
    const { msg } = await user.wait(matches, { from, what: `answer to "${shown(content)}"` });
    check_bytes(user.content_bytes(msg.content), expected, shown(content));
}

const shown = (content) => content.toString('latin1').slice(0, 60);

function check_bytes(bytes, expected, what) {
    if (typeof expected === 'function') {
        expected(bytes);
    } else if (expected instanceof RegExp) {
        assert.match(bytes.toString(), expected, `answer to "${what}"`);
    } else if (Buffer.isBuffer(expected)) {
        assert.ok(bytes.equals(expected), `the ${bytes.length} bytes of "${what}" are others`);
    } else {
        assert.equal(bytes.toString(), expected, `answer to "${what}"`);
    }
}
