// SPDX-License-Identifier: Apache-2.0
//
// Members that do not do what members do: silent ones, ones that contradict themselves, ones that
// say far too much. The others keep pace, stay small, and log what proves it. "Row" is a row of the
// list of faults that the design of consensus is measured by.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { Cluster, seq_of, status_of, with_threshold } from '../lib/cluster.mjs';
import { answer_of, keep_pace, start_users } from '../lib/cluster_users.mjs';
import { b3, make_keys } from '../lib/crypto.mjs';
import {
    Member,
    Peer,
    join,
    read_open,
    read_vote,
    statement,
    type,
    u64,
    u8,
    unl_hash,
} from '../lib/peer.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, sleep } from '../lib/util.mjs';

const honest = 4;
const quorum = 4; // of five at threshold 80: all but the faulty one
const ledgers = 6;
const flood_ms = 4000;
const flood_messages = 40; // at a time: signing them must not hold up the links of the test
const npl_bytes = 60000;
const rss_growth_max_kb = 300 * 1024;

/** Four nodes, and a fifth member that is the test's own. */
async function start(scope) {
    const keys = make_keys();
    const options = { ...with_threshold(80), ghosts: [keys.hex] };
    const cluster = await Cluster.start(scope, honest, options);
    const contract_id = cluster.nodes[0].cfg.contract.id;
    const unl = unl_hash([...cluster.keys(), keys.hex], quorum);
    return { cluster, keys, member: new Member({ contract_id, unl, keys }) };
}

/** The faulty member's connections to all nodes; on_message(bytes, peer, at). */
async function join_all(scope, { cluster, keys }, on_message) {
    const peers = [];
    scope.at_end(() => {
        for (const peer of peers) peer.close();
    });
    for (const [at, node] of cluster.nodes.entries()) {
        const hear = (bytes, peer) => on_message?.(bytes, peer, at);
        peers.push(await Peer.join(node, { keys, on_message: hear }));
    }
    return peers;
}

async function ledgers_go_on(cluster, context, count = ledgers) {
    const started_ms = Date.now();
    const first = seq_of(await status_of(cluster.nodes[0]));
    const last = await cluster.wait_more(count);
    const each_ms = (Date.now() - started_ms) / (last - first);
    context.diagnostic(`roundtime 250: a ledger every ${each_ms.toFixed(0)} ms`);
}

async function expect_evidence(nodes, { keys }, what) {
    const pattern = new RegExp(`contradicts itself or others .*${what}.*${keys.hex}`);
    for (const node of nodes) await node.wait_log(pattern);
}

const is_vote_of_others = (vote, { keys }) =>
    vote && vote.kind === statement.prepare && vote.member !== keys.hex;

describe('cluster: faulty members', () => {
    scoped_test('one that is connected and says nothing (row 33)', async (scope, context) => {
        const world = await start(scope);
        const users = start_users(world.cluster);
        await join_all(scope, world);
        await ledgers_go_on(world.cluster, context);
        await world.cluster.check({ users, answer_of });
    });

    scoped_test('one that talks to two of four only (row 33)', async (scope, context) => {
        const world = await start(scope);
        const users = start_users(world.cluster);
        await join_all(scope, world, (bytes, peer, at) => {
            const open = read_open(bytes);
            const vote = read_vote(bytes);
            if (at > 1) return;
            if (open) peer.say(world.member.open({ ...open, nonce: b3(u64(open.height)) }));
            if (is_vote_of_others(vote, world)) {
                peer.say(world.member.vote(statement.prepare, vote));
                peer.say(world.member.vote(statement.commit, vote));
            }
        });
        await ledgers_go_on(world.cluster, context);
        await world.cluster.check({ users, answer_of });
    });

    scoped_test('one that tells each node another OPEN (row 33)', async (scope, context) => {
        const world = await start(scope);
        const users = start_users(world.cluster);
        await join_all(scope, world, (bytes, peer, at) => {
            const open = read_open(bytes);
            if (!open) return;
            for (const turn of [at, at + 1]) {
                const clock_ms = Date.now() + turn * 3600000;
                peer.say(world.member.open({ ...open, clock_ms, nonce: b3(u8(turn)) }));
            }
        });
        await ledgers_go_on(world.cluster, context);
        await expect_evidence(world.cluster.nodes, world, 'two different OPENs');
        await world.cluster.check({ users, answer_of });
    });

    // It is leader in its turn, as it takes part otherwise.
    scoped_test('one that proposes two ledgers in one attempt (row 29)', async (scope, context) => {
        const world = await start(scope);
        const users = start_users(world.cluster);
        const { member } = world;
        await join_all(scope, world, (bytes, peer, at) => {
            const open = read_open(bytes);
            if (!open) return;
            const nonce = b3(u64(open.height));
            peer.say(member.open({ ...open, clock_ms: open.height, nonce }));
            const pair = [0, 1].map((which) => member.propose({ ...open, nonce: b3(u8(which)) }));
            peer.say(...(at % 2 === 0 ? pair : pair.reverse()));
        });
        await ledgers_go_on(world.cluster, context);
        await expect_evidence(world.cluster.nodes, world, 'two different PROPOSEs');
        await world.cluster.check({ users, answer_of });
    });

    scoped_test('one that votes for everything at once (row 29)', async (scope, context) => {
        const world = await start(scope);
        const users = start_users(world.cluster);
        const { member } = world;
        await join_all(scope, world, (bytes, peer, at) => {
            const vote = read_vote(bytes);
            if (!is_vote_of_others(vote, world)) return;
            const other = { ...vote, digest: b3(vote.digest) };
            const pair = at % 2 === 0 ? [vote, other] : [other, vote];
            for (const said of pair) peer.say(member.vote(statement.prepare, said));
            for (const said of pair) peer.say(member.vote(statement.commit, said));
            const { height, attempt } = vote;
            peer.say(member.vote(statement.skip, { height, attempt }));
        });
        await ledgers_go_on(world.cluster, context);
        await expect_evidence(world.cluster.nodes, world, 'contradictory votes');
        await world.cluster.check({ users, answer_of });
    });

    // Each half of the cluster knows another one of the two, and both are what they say they are.
    scoped_test('one key on two nodes (row 29)', async (scope, context) => {
        const cluster = await Cluster.make(scope, honest + 1, with_threshold(80));
        const [one] = cluster.nodes.slice(-1);
        const two = await cluster.make_newcomer();
        const { public_key, private_key } = one.read_config().node;
        two.edit_config({ node: { public_key, private_key } });
        const { unl } = cluster.nodes[0].read_config().contract;
        assert.equal(unl.length, honest + 1);
        const [at_one, at_two] = [honest, honest + 1];
        cluster.links.divide([[at_one], [2, 3, at_two]], { cut: true });
        cluster.links.divide([[at_two], [0, 1]], { cut: true });
        await cluster.run();
        const members = cluster.nodes.slice(0, honest);
        const users = start_users(cluster, { nodes: members });
        const last = await cluster.wait_more(2 * ledgers, { nodes: members });
        context.diagnostic(`${last} ledgers`);
        await cluster.check({ users, answer_of, nodes: members });
    });

    scoped_test('one that floods the others with votes (row 42)', async (scope, context) => {
        const world = await start(scope);
        const { cluster, member } = world;
        const users = start_users(cluster);
        let heard = { height: 1, prev_hash: b3('none') };
        const peers = await join_all(scope, world, (bytes) => {
            heard = read_open(bytes) ?? heard;
        });
        const before = cluster.nodes.map((node) => node.rss_kb());
        const first = seq_of(await status_of(cluster.nodes[0]));
        const until_ms = Date.now() + flood_ms;
        let said = 0;
        const run = (height) =>
            join(u8(type.npl), u64(height), b3('no ledger'), Buffer.alloc(npl_bytes));
        const meanwhile = keep_pace(cluster, ledgers);
        while (Date.now() < until_ms || !meanwhile.over) {
            const { height, prev_hash } = heard;
            const flood = range(flood_messages).flatMap((number) => {
                const vote = { height: height + (number % 9), attempt: said + number };
                const digest = b3(u64(said + number));
                return [
                    member.vote(statement.prepare, { ...vote, digest }),
                    member.vote(statement.skip, vote),
                    member.open({ height, prev_hash, version: said + number }),
                ];
            });
            flood.push(...range(8).map((number) => run(height + number)));
            for (const peer of peers) {
                peer.say(...flood);
                await peer.wait_sent();
            }
            said += flood.length;
        }
        const last = await meanwhile.result;
        context.diagnostic(`${last - first} ledgers meanwhile, ${said} messages a node`);
        assert.ok(peers.every((peer) => !peer.end), 'what it said was not wrong, only too much');
        for (const [at, node] of cluster.nodes.entries()) {
            const growth = node.peak_rss_kb() - before[at];
            context.diagnostic(`${node.name} grew by ${growth} KiB`);
            assert.ok(growth < rss_growth_max_kb, `${node.name} grew by ${growth} KiB`);
        }
        await cluster.check({ users, answer_of });
    });
});
