// SPDX-License-Identifier: Apache-2.0
//
// Users of a cluster whose contract is the probe: they go on appending numbered lines to a file,
// each on a node of its own, whatever happens to the nodes. And what a user can verify alone.

import assert from 'node:assert/strict';

import { root_of_collapsed, verify } from './crypto.mjs';
import { SteadyUser } from './steady_user.mjs';

const usual_pause_ms = 60;
// Inputs stay valid while a cluster elects, waits or repairs itself.
const far_ledgers = 50;

export const answer_of = (text) => /=(.*)$/.exec(text)[1];

/** One user per node, all of them submitting; the end of the test is their end at the latest. */
export function start_users(cluster, { nodes = cluster.nodes, pause_ms = usual_pause_ms } = {}) {
    const users = nodes.map((node, at) => {
        const make_text = (number) => `append:log.txt=user ${at} ${number}`;
        return new SteadyUser(node, {
            protocol: at % 2 === 0 ? 'json' : 'bson',
            make_text,
            pause_ms: () => pause_ms,
            max_offset: far_ledgers,
        });
    });
    for (const user of users) user.start();
    cluster.scope.at_end(() => {
        for (const user of users) user.going = false;
    });
    return users;
}

/**
 * That many more ledgers, while something else goes on that should not stop them: for how long is
 * `over`, and `result` is the number of the last one or why there were fewer.
 */
export function keep_pace(cluster, count) {
    const meanwhile = { over: false };
    meanwhile.result = cluster.wait_more(count).finally(() => {
        meanwhile.over = true;
    });
    meanwhile.result.catch(() => {}); // whoever waits for it is told
    return meanwhile;
}

export const accepted_count = (users) =>
    users
        .flatMap((user) => user.inputs)
        .filter(({ statuses }) => statuses.some(({ status }) => status === 'accepted')).length;

/** The keys of the members that signed an output; an error if a signature is wrong. */
export function signers_of(output, unl) {
    const { root } = root_of_collapsed(output.hash_tree, output.output_hash);
    const keys = output.unl_sig.map(([key, sig]) => {
        assert.ok(unl.includes(key), `${key} is not in the UNL`);
        assert.ok(verify(Buffer.from(sig, 'hex'), root, Buffer.from(key, 'hex')), `sig of ${key}`);
        return key;
    });
    assert.equal(new Set(keys).size, keys.length, 'two signatures of one member');
    return keys;
}

/** As the node counts it. */
export const quorum_of = (size, threshold = 80) =>
    Math.max(Math.ceil((threshold * size) / 100), Math.floor(size / 2) + 1);
