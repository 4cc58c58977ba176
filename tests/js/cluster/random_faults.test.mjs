// SPDX-License-Identifier: Apache-2.0
//
// Users submit without pause while nodes die and links fail at random, several at a time, more than
// a cluster can bear without standing still. When it is over, all nodes go on together and every
// promise is kept. HP_SEED repeats a sequence of decisions, HP_FAULTS is its length.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, with_threshold } from '../lib/cluster.mjs';
import { accepted_count, start_users } from '../lib/cluster_users.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { chosen_seed, make_random, range, sleep } from '../lib/util.mjs';

const faults = Number(process.env.HP_FAULTS ?? 25);
const pause_ms_max = 600;
const fault_ms_max = 1500;
const delay_ms_max = 200;
const recovery_ms = 60000;
const test_timeout_ms = 120000 + faults * (pause_ms_max + fault_ms_max);

/** Each makes a fault, and returns what ends it. */
const makers = {
    async kill({ cluster, node }) {
        await node.kill();
        return () => cluster.run([node]);
    },
    async stand_still({ node }) {
        node.child.kill('SIGSTOP');
        return () => node.child.kill('SIGCONT');
    },
    async isolate({ cluster, at }) {
        const others = range(cluster.nodes.length).filter((other) => other !== at);
        cluster.links.divide([[at], others], { cut: true });
        return () => cluster.links.divide([[at], others], { cut: false });
    },
    async deafen({ cluster, at }) {
        const others = range(cluster.nodes.length).filter((other) => other !== at);
        for (const from of others) cluster.links.set(from, at, { held: true });
        return () => others.forEach((from) => cluster.links.set(from, at, { held: false }));
    },
    async slow_down({ cluster, at, random }) {
        const size = cluster.nodes.length;
        const to = (at + 1 + Math.floor(random() * (size - 1))) % size;
        cluster.links.set(at, to, { delay_ms: random() * delay_ms_max });
        return () => cluster.links.set(at, to, { delay_ms: 0 });
    },
    async reset({ cluster, at }) {
        for (const other of range(cluster.nodes.length)) cluster.links.reset(at, other);
        return () => {};
    },
};

/** One fault at a time for each node, so that what ends it finds what it expects. */
async function fault(cluster, at, name, random) {
    const node = cluster.nodes[at];
    const end = await makers[name]({ cluster, node, at, random });
    await sleep(random() * fault_ms_max);
    await end();
}

async function make_faults(cluster, random) {
    const busy = new Map();
    const names = Object.keys(makers);
    for (let count = 0; count < faults; count += 1) {
        await sleep(random() * pause_ms_max);
        const at = Math.floor(random() * cluster.nodes.length);
        const name = names[Math.floor(random() * names.length)];
        await busy.get(at);
        const running = fault(cluster, at, name, random);
        running.catch(() => {}); // reported below; meanwhile nobody may be waiting for it
        busy.set(at, running);
    }
    await Promise.all(busy.values());
}

describe('cluster: random faults', () => {
    scoped_test(
        `${faults} faults`,
        async (scope, context) => {
            const seed = chosen_seed();
            context.diagnostic(`HP_SEED=${seed}`);
            const random = make_random(seed);
            const settings = with_threshold(80);
            settings.config.node = { history: 'full' }; // inputs of all ledgers, however many
            const cluster = await Cluster.start(scope, 5, settings);
            const users = start_users(cluster);
            await make_faults(cluster, random);
            cluster.links.heal();
            await cluster.wait_more(2, { timeout_ms: recovery_ms });
            const ledgers = await cluster.check({ users });
            const accepted = accepted_count(users);
            const all = users.flatMap((user) => user.inputs).length;
            context.diagnostic(`${ledgers.length} ledgers, ${accepted} of ${all} inputs accepted`);
            assert.ok(accepted > faults, 'the test tested something');
        },
        { timeout: test_timeout_ms },
    );
});
