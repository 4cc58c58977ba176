// SPDX-License-Identifier: Apache-2.0
//
// What somebody without a member's key can try on the mesh ports: a wrong handshake, a place in the
// middle of a connection, repeating and damaging what members said, asking for far too much, and
// lying to a node that fetches the state. "Row" is a row of the list of faults that the design of
// consensus is measured by.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { change, expect_adopted } from '../lib/change.mjs';
import { Cluster, seq_of, status_of, wipe, with_threshold } from '../lib/cluster.mjs';
import { answer_of, keep_pace, start_users } from '../lib/cluster_users.mjs';
import { b3, make_keys, sign } from '../lib/crypto.mjs';
import {
    Middleman,
    Peer,
    hello,
    join,
    kind,
    list,
    type,
    u32,
    u64,
    u8,
    with_length,
} from '../lib/peer.mjs';
import { native_contract } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { chosen_seed, free_port, make_random, range, sleep, until } from '../lib/util.mjs';

const flood_ms = 4000;
const ledgers = 5; // that close meanwhile
const questions_at_once = 500;
const rss_growth_max_kb = 400 * 1024;
const handshake_bytes_max = 4096;
const damaged_count = 300;
const state_bytes = 16 * 1024 * 1024; // enough requests for everybody who is there

async function start(scope, size = 3, options = {}) {
    const cluster = await Cluster.start(scope, size, { ...with_threshold(66), ...options });
    await cluster.wait_more(1);
    return cluster;
}

const agreement = (message_kind, ...content) =>
    join(u8(type.agreement), u8(message_kind), ...content);

/** Each says something that ends its connection; what the node may have said before it did. */
function wrong_handshakes(node) {
    const { id: contract_id } = node.cfg.contract;
    const keys = make_keys();
    const right = hello({ contract_id, keys });
    const own_key = { wire: Buffer.from(node.cfg.node.public_key, 'hex') };
    const digest = b3('what a vote is about');
    return {
        'an empty message': [Buffer.alloc(0)],
        'a digest to be signed': [digest],
        'a digest in place of a hello': [join(u8(type.hello), digest)],
        'half a hello': [right.subarray(0, 40)],
        'a hello that goes on': [join(right, u8(0))],
        'a hello with an impossible port': [join(right.subarray(0, -4), u32(70000))],
        'another protocol': [join(u8(type.hello), Buffer.from('hp3 peer 1'), right.subarray(11))],
        'another contract': [hello({ contract_id: 'another', keys })],
        'the key of the node itself': [hello({ contract_id, keys: own_key })],
        'two hellos': [right, right],
        'a proof of nothing': [right, join(u8(type.proof), sign(digest, keys))],
        'a proof before the hello': [join(u8(type.proof), sign(digest, keys))],
        'an agreement message before the proof': [right, agreement(kind.get_ledger, u64(1))],
        'an unknown type': [right, Buffer.from([200, 1, 2, 3])],
        'a message that is too long': [join(right, Buffer.alloc(handshake_bytes_max))],
    };
}

describe('cluster: handshakes', () => {
    scoped_test('whatever is wrong ends the connection (row 34)', async (scope) => {
        const cluster = await start(scope);
        const users = start_users(cluster);
        const [node] = cluster.nodes;
        for (const [what, messages] of Object.entries(wrong_handshakes(node))) {
            const peer = await Peer.connect(node);
            peer.say(...messages);
            await peer.wait_end().catch(() => assert.fail(`${what}: still connected`));
            // It proves itself for this connection and its caller's key, and signs nothing else.
            const types = peer.heard.map(([first]) => first);
            const allowed = [[], [type.hello], [type.hello, type.proof]].map(String);
            assert.ok(allowed.includes(String(types)), `${what}: ${types}`);
        }
        const honest = await Peer.join(node);
        assert.equal(honest.end, null);
        honest.close();
        await cluster.check({ users, answer_of });
    });

    scoped_test('somebody in the middle proves nothing (row 35)', async (scope) => {
        const cluster = await Cluster.make(scope, 3, with_threshold(66));
        const [node, target, third] = cluster.nodes;
        const port = await free_port();
        const middle = await Middleman.start(port, target, third);
        scope.at_end(() => middle.close());
        // Each passes for the other, as far as names and bytes go.
        node.edit_config({ mesh: { known_peers: [`127.0.0.1:${port}`] } });
        cluster.links.divide([[0], [1]], { cut: true });
        await cluster.run();
        for (const side of [node, target]) await side.wait_log(/key is not proven for this/);
        assert.ok(middle.passed.length >= 4, 'hellos and proofs were passed on');
        const types = new Set(middle.passed.map(([first]) => first));
        assert.deepEqual([...types].sort(), [type.hello, type.proof]);
        await cluster.check();
    });
});

/** All that members tell everybody who follows, for a while. */
async function overhear(cluster, count) {
    const peer = await Peer.join(cluster.nodes[0]);
    await until(() => peer.heard.length >= count, { what: 'messages' });
    const heard = peer.heard.slice(2);
    peer.close();
    return heard;
}

function damage(message, random) {
    const at = (length) => Math.floor(random() * length);
    if (random() < 0.3) return message.subarray(0, 2 + at(message.length - 2));
    if (random() < 0.2) return join(message, message.subarray(0, 1 + at(40)));
    const changed = Buffer.from(message);
    changed[2 + at(message.length - 2)] ^= 1 << at(8);
    return changed;
}

/** Says all of it to each node, again when a connection was ended for it. */
async function say_to_all(cluster, messages) {
    for (const node of cluster.nodes) {
        let peer = await Peer.join(node);
        for (const message of messages) {
            if (peer.end) peer = await Peer.join(node);
            peer.say(message);
        }
        await peer.wait_sent();
        await sleep(200); // for the node to say what it thinks of that
        peer.close();
    }
}

describe('cluster: repeated and damaged messages', () => {
    scoped_test('what members said before, also of another cluster (row 36)', async (scope) => {
        const other = await Cluster.start(scope, 3, with_threshold(66));
        const foreign = await overhear(other, 20);
        await other.kill();
        const cluster = await start(scope);
        const users = start_users(cluster);
        const old = await overhear(cluster, 60);
        await cluster.wait_more(3);
        await say_to_all(cluster, [...foreign, ...old, ...old]);
        // When another quorum counts, under which nothing of it was signed.
        const changed = await change(scope, cluster.nodes[0], { consensus: { threshold: 100 } });
        await expect_adopted(cluster.nodes, changed);
        await say_to_all(cluster, [...foreign, ...old]);
        // After a restart as well, when less is remembered.
        await cluster.kill();
        await cluster.run();
        await say_to_all(cluster, [...old, ...foreign]);
        await cluster.wait_more(2);
        await cluster.check({ users });
    });

    scoped_test('what members never said (row 36)', async (scope, context) => {
        const seed = chosen_seed();
        context.diagnostic(`HP_SEED=${seed}`);
        const random = make_random(seed);
        const cluster = await start(scope);
        const users = start_users(cluster);
        const peers = [];
        for (const node of cluster.nodes) peers.push(await Peer.join(node));
        // What they are at just now, damaged.
        const source = await Peer.join(cluster.nodes[0], {
            on_message: (bytes) => {
                if (bytes[0] !== type.agreement) return;
                for (const peer of peers) peer.say(damage(bytes, random), damage(bytes, random));
            },
        });
        const enough = () => source.heard.length >= damaged_count / 2;
        await until(enough, { what: 'messages to be damaged' });
        for (const node of cluster.nodes) await node.wait_log(/sent what no honest node sends/);
        for (const peer of [...peers, source]) peer.close();
        await cluster.check({ users, answer_of });
    });

    scoped_test('limits of wrong messages and signatures end in a ban', async (scope) => {
        const limits = { max_bad_msgs_per_min: 5, max_bad_msgsigs_per_min: 5 };
        const cluster = await Cluster.start(scope, 3, { config: { mesh: limits } });
        await cluster.wait_more(1);
        const [node] = cluster.nodes;
        const local_address = '127.9.9.9';
        const nonsense = range(10).map(() => agreement(200, b3('nonsense')));
        for (let count = 0; ; count += 1) {
            assert.ok(count < 20, 'never banned');
            let peer = null;
            try {
                peer = await Peer.join(node, { local_address });
            } catch {
                break; // it is not let in any more
            }
            peer.say(...nonsense);
            await peer.wait_end();
        }
        await node.wait_log(/host of a peer is banned for ten minutes .*127\.9\.9\.9/);
        const innocent = await Peer.join(node);
        innocent.close();
        await cluster.check();
    });
});

/** Questions that cost little to ask. */
function questions(status) {
    const { state_root, config_root } = status.contract;
    const roots = [state_root, config_root].map((hex) => Buffer.from(hex, 'hex'));
    const item = join(u8(1), with_length(Buffer.from('state')), roots[0], u32(0), u32(1));
    const whole = list(range(256).map(() => item));
    return [
        join(u8(type.get_config), roots[1]),
        agreement(kind.get_ledger, u64(1)),
        agreement(kind.get_inputs, list(range(50).map((at) => b3(u32(at))))),
        join(u8(type.state_request), u8(1), u64(7), ...roots, whole),
    ];
}

describe('cluster: far too many questions', () => {
    for (const reads of [true, false]) {
        const how = reads ? 'reads the answers' : 'reads nothing';
        scoped_test(`from a guest who ${how} (row 41)`, async (scope, context) => {
            const cluster = await start(scope);
            const users = start_users(cluster);
            const before = cluster.nodes.map((node) => node.rss_kb());
            const first = seq_of(await status_of(cluster.nodes[0]));
            const asked = questions(await status_of(cluster.nodes[0]));
            const burst = range(questions_at_once).map((at) => asked[at % asked.length]);
            const guests = [];
            for (const node of cluster.nodes) {
                const guest = await Peer.join(node);
                guest.heard = { push: () => {}, length: 0 }; // it forgets the answers
                if (!reads) guest.socket.pause();
                guests.push(guest);
            }
            const until_ms = Date.now() + flood_ms;
            const meanwhile = keep_pace(cluster, ledgers);
            let count = 0;
            while (Date.now() < until_ms || !meanwhile.over) {
                for (const guest of guests) {
                    if (guest.socket.bufferedAmount < 8e6) guest.say(...burst);
                }
                count += burst.length;
                await sleep(20);
            }
            const last = await meanwhile.result;
            context.diagnostic(`${last - first} ledgers meanwhile, ${count} questions`);
            for (const [at, node] of cluster.nodes.entries()) {
                const growth = node.peak_rss_kb() - before[at];
                context.diagnostic(`${node.name} grew by ${growth} KiB`);
                assert.ok(growth < rss_growth_max_kb, `${node.name} grew by ${growth} KiB`);
            }
            for (const guest of guests) guest.close();
            await cluster.check({ users, answer_of });
        });
    }
});

const answer = (id, ...items) => join(u8(type.state_answer), u8(2), u8(0), u64(id), list(items));
const here = (content, total = 0) => join(u8(1), u64(total), with_length(content));

/** A description of a directory with one file, by the hash rules of docs/protocol/state.md. */
function directory_of(name) {
    const child = join(with_length(Buffer.from(name)), u8(1), u32(0o644), b3('content'));
    return join(Buffer.from('hpstdir1'), child);
}

const lies = {
    'names with ..': (id) => answer(id, described(directory_of('../../evil'))),
    'absolute names': (id) => answer(id, described(directory_of('/tmp/evil'))),
    'a link to somewhere else': (id) =>
        answer(id, described(join(Buffer.from('hpstlnk1'), with_length(Buffer.from('/tmp'))))),
    'wrong content': (id) => answer(id, here(Buffer.alloc(65536, 'x'))),
    'huge sizes': (id) => answer(id, here(Buffer.from('hpstdir1'), 2n ** 62n)),
    'huge counts': (id) => join(u8(type.state_answer), u8(2), u8(0), u64(id), u32(0xffffffff)),
    'a bomb': (id) => join(u8(type.state_answer), u8(2), u8(1), u32(0xffffffff), u64(id)),
    'the state of another ledger': (id) => answer(id, described(directory_of('older'))),
    'the answer to an earlier question': (id) => answer(id - 1n, described(directory_of('older'))),
    'nothing here': (id) => answer(id),
    silence: () => null,
};
const described = (bytes) => here(bytes, bytes.length);

const tries_max = 10;

/** Connected to the node as soon as it is there, and asked for the state: number of requests. */
class Liar {
    constructor(node, tell) {
        this.node = node;
        this.tell = tell;
        this.requests = 0;
        this.going = true;
        this.done = this.live();
    }

    async live() {
        while (this.going) {
            try {
                const peer = await Peer.join(this.node, {
                    on_message: (bytes, self) => this.hear(bytes, self),
                });
                while (this.going && !peer.end) await sleep(20);
                peer.close();
            } catch {
                await sleep(20); // the node is not there yet
            }
        }
    }

    hear(bytes, peer) {
        if (bytes[0] !== type.state_request) return;
        this.requests += 1;
        const lie = this.tell(bytes.readBigUInt64BE(2));
        if (lie) peer.say(lie);
    }

    async stop() {
        this.going = false;
        await this.done;
    }
}

const holds_evil = (directory) =>
    fs.readdirSync(directory, { recursive: true }).some((name) => /evil/.test(name));

describe('cluster: a state from liars', () => {
    scoped_test('a wiped node gets the right one (row 44)', async (scope, context) => {
        const cluster = await start(scope, 4, { contract: native_contract('posix_contract') });
        const user = await scope.login(cluster.nodes[0]);
        await user.echo(`make:big:${state_bytes}`, { expected: 'ok' });
        const [victim] = cluster.nodes.slice(-1);
        // Liars are near, honest nodes far away: an answer takes longer than some rounds.
        cluster.links.divide([[0, 1, 2], [3]], { delay_ms: 60 });
        const liars = Object.entries(lies).map(([what, tell]) => [what, new Liar(victim, tell)]);
        scope.at_end(() => liars.forEach(([, liar]) => liar.stop()));
        const was_asked = () => liars.some(([, liar]) => liar.requests > 0);
        for (let again = 0; again < tries_max && !was_asked(); again += 1) {
            await victim.kill(); // whoever is connected first may have answered everything
            wipe(victim);
            await victim.run();
            const seq = seq_of(await status_of(cluster.nodes[0]));
            await cluster.wait_ledger(seq, { nodes: [victim] });
            await cluster.settle();
        }
        for (const [what, liar] of liars) {
            await liar.stop();
            context.diagnostic(`${what}: ${liar.requests} requests`);
        }
        const asked = liars.filter(([, liar]) => liar.requests > 0).map(([what]) => what);
        assert.ok(asked.length > 0, 'no liar was asked anything');
        assert.ok(!holds_evil(victim.root), 'something was written');
        assert.ok(!fs.existsSync(path.join('/tmp', 'evil')), 'something was written elsewhere');
        cluster.links.heal();
        await cluster.check();
    });
});
