// SPDX-License-Identifier: Apache-2.0
//
// A cluster of real nodes on this machine: one contract, one UNL, known to each other through
// `links`. What has to be true of it after anything that happened to it is in `check`.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { check_links, check_outputs, check_promises, query_ledgers, read_chain } from './chain.mjs';
import { Links } from './links.mjs';
import { config_root_hex, state_root_hex } from './state_hash.mjs';
import { patience_ms, range, sleep, until } from './util.mjs';

const every_ms = 150;
const silence_ms = 1500; // many rounds: whoever could close a ledger would

/** What no two nodes of a cluster may have of their own. The mark of a node's contract is one. */
const common_config = {
    contract: {
        consensus: { mode: 'public', roundtime: 250 },
        environment: { HP_TEST_NODE: 'cluster' },
        max_input_ledger_offset: 60,
    },
    mesh: { peer_discovery: { enabled: false } },
};

export class Cluster {
    /**
     * Makes and starts `size` nodes; options as those of TestNode. options.of_node(at): what one of
     * them has of its own. options.ghosts: keys of members that are no nodes of this cluster.
     */
    static async start(scope, size, options = {}) {
        const cluster = await Cluster.make(scope, size, options);
        await cluster.run();
        return cluster;
    }

    static async make(scope, size, options = {}) {
        const cluster = new Cluster(scope, options);
        scope.at_end(() => cluster.links.close());
        for (const _ of range(size)) await cluster.make_node();
        const unl = [...cluster.keys(), ...(options.ghosts ?? [])];
        for (const node of cluster.nodes) {
            node.edit_config({ contract: { ...cluster.contract_section(), unl } });
            await cluster.introduce(node);
        }
        return cluster;
    }

    constructor(scope, options) {
        this.scope = scope;
        this.options = options;
        this.links = new Links();
        this.nodes = [];
    }

    contract_section() {
        const { id } = this.nodes[0].cfg.contract;
        return { ...common_config.contract, ...this.options.config?.contract, id };
    }

    async make_node() {
        const own = this.options.of_node?.(this.nodes.length) ?? {};
        const node = await this.scope.make_node({
            ...this.options,
            ...own,
            name: `node ${this.nodes.length}`,
        });
        this.nodes.push(node);
        const { consensus } = common_config.contract;
        node.edit_config(common_config);
        node.edit_config({ ...this.options.config, contract: { consensus } });
        node.edit_config({ contract: this.options.config?.contract ?? {} });
        node.edit_config(own.config ?? {});
        return node;
    }

    /** Lets a node know all others, each through a link of its own. */
    async introduce(node) {
        const from = this.nodes.indexOf(node);
        const known_peers = [];
        for (const [to, other] of this.nodes.entries()) {
            if (to === from) continue;
            const port = await this.links.open(from, to, other.cfg.mesh.port);
            known_peers.push(`127.0.0.1:${port}`);
        }
        node.edit_config({ mesh: { known_peers } });
    }

    /** A node that is not in the UNL of the others yet; it knows theirs. */
    async make_newcomer() {
        const node = await this.make_node();
        const { unl } = this.nodes[0].read_config().contract;
        node.edit_config({ contract: { ...this.contract_section(), unl } });
        await this.introduce(node);
        return node;
    }

    keys() {
        return this.nodes.map((node) => node.cfg.node.public_key);
    }

    running() {
        return this.nodes.filter((node) => node.running);
    }

    run(nodes = this.nodes) {
        return Promise.all(nodes.map((node) => node.run()));
    }

    kill(nodes = this.nodes) {
        return Promise.all(nodes.map((node) => node.kill()));
    }

    // ---- how it is

    /** Waits until each of the nodes has closed the ledger `seq_no`. */
    async wait_ledger(seq_no, { nodes = this.running(), timeout_ms = patience_ms } = {}) {
        const look = (node) =>
            wait_status(node, (status) => seq_of(status) >= seq_no, {
                timeout_ms,
                what: `ledger ${seq_no} of ${node.name}`,
            });
        await Promise.all(nodes.map(look));
    }

    /** Waits until the nodes have closed that many more ledgers; the number of the last one. */
    async wait_more(count = 3, options = {}) {
        const nodes = options.nodes ?? this.running();
        const seen = (await Promise.all(nodes.map(status_of))).map(seq_of);
        const seq_no = Math.max(...seen) + count;
        await this.wait_ledger(seq_no, { ...options, nodes });
        return seq_no;
    }

    /** Waits until all nodes vote together. */
    async settle_votes({ nodes = this.running(), timeout_ms = patience_ms } = {}) {
        const is_synced = ({ consensus }) => consensus.vote_status === 'synced';
        const look = (node) =>
            wait_status(node, is_synced, { timeout_ms, what: `vote of ${node.name}` });
        await Promise.all(nodes.map(look));
    }

    /** Waits until all nodes vote together and have one state, on disk as well. */
    async settle({ nodes = this.running(), timeout_ms = patience_ms } = {}) {
        let seen = [];
        const settled = async () => {
            seen = await Promise.all(nodes.map(status_of));
            const [first] = seen;
            return (
                seen.every(({ consensus }) => consensus.vote_status === 'synced') &&
                seen.every(({ contract }) => contract.state_root === first.contract.state_root) &&
                seen.every(({ contract }) => contract.config_root === first.contract.config_root) &&
                Math.max(...seen.map(seq_of)) - Math.min(...seen.map(seq_of)) <= 2 &&
                nodes.every((node) => state_on_disk(node) === first.contract.state_root)
            );
        };
        try {
            await until(settled, { timeout_ms, every_ms, what: 'agreement of all nodes' });
        } catch (error) {
            const lines = seen.map((status, at) => {
                const { consensus, contract } = status;
                const disk = state_on_disk(nodes[at]).slice(0, 8);
                return (
                    `${nodes[at].name}: ledger ${seq_of(status)}, ${consensus.vote_status}, ` +
                    `state ${contract.state_root.slice(0, 8)} (on disk ${disk}), ` +
                    `config ${contract.config_root.slice(0, 8)} ${consensus.why_not}`
                );
            });
            throw new Error(`${error.message}\n${lines.join('\n')}`);
        }
        for (const node of nodes) {
            const root = config_root_hex(fs.readFileSync(node.patch_path));
            assert.equal(root, seen[0].contract.config_root, `patch.cfg of ${node.name}`);
        }
        return seen[0].contract.state_root;
    }

    /**
     * One chain and one state everywhere, and what users were told is what the chain says.
     * answer_of: the contract's answer to a text, if it answers each input once.
     * readers: nodes that have kept the inputs of all ledgers.
     */
    async check({ users = [], answer_of, nodes = this.running(), readers = [nodes[0]] } = {}) {
        await Promise.all(users.map((user) => user.finish()));
        await this.wait_more(2, { nodes });
        await this.settle({ nodes });
        let ledgers;
        for (const reader of readers) {
            const client = await this.scope.login(reader, { label: `reader of ${reader.name}` });
            ledgers = await read_chain(client);
            await client.close();
            check_links(ledgers);
            check_promises(ledgers, users);
            if (answer_of) check_outputs(ledgers, answer_of);
        }
        await Promise.all(nodes.map((node) => this.check_same(node, ledgers)));
        return ledgers;
    }

    async check_same(node, ledgers) {
        const client = await this.scope.login(node, { label: `reader of ${node.name}` });
        const { ledger_seq_no } = await client.lcl();
        const common = ledgers.slice(0, ledger_seq_no);
        const results = await query_ledgers(client, common.length);
        for (const [at, ledger] of common.entries()) {
            assert.equal(results[at]?.hash, ledger.hash, `ledger ${ledger.seq_no}, ${node.name}`);
        }
        await client.close();
    }
}

/** What `hpnode status --json` prints, from where it has it: tests look several times a second. */
export async function status_of(node) {
    try {
        return JSON.parse(await read_socket(node.status_path));
    } catch {
        return command_status(node); // which tries again, and says what is wrong
    }
}

function read_socket(name) {
    return new Promise((resolve, reject) => {
        const parts = [];
        const socket = net.connect({ path: name });
        socket.setTimeout(patience_ms, () => socket.destroy(new Error('no answer')));
        socket.on('data', (part) => parts.push(part));
        socket.once('error', reject);
        socket.once('close', () => resolve(Buffer.concat(parts).toString()));
    });
}

async function command_status(node) {
    const { code, stdout, stderr } = await node.command('status', '--json');
    assert.equal(code, 0, `status of ${node.name}: ${stderr}`);
    return JSON.parse(stdout);
}

export const seq_of = (status) => status.ledger?.seq ?? 0;

/** The first status that is as wanted. */
export async function wait_status(
    node,
    wanted,
    { timeout_ms = patience_ms, what = 'status' } = {},
) {
    let last = null;
    const look = async () => {
        last = await status_of(node);
        return wanted(last) ? last : null;
    };
    try {
        return await until(look, { timeout_ms, every_ms, what });
    } catch (error) {
        throw new Error(`${error.message}; ${node.name} said ${JSON.stringify(last)}`);
    }
}

/** What tests of agreement differ in. */
export const with_threshold = (threshold, roundtime = 250) => ({
    config: { contract: { consensus: { mode: 'public', threshold, roundtime } } },
});

/** No ledger closes on these nodes, and they say why. */
export async function expect_halt(nodes, { have, need }) {
    const is_halted = ({ consensus }) =>
        consensus.vote_status === 'unreliable' && !consensus.can_close_ledgers;
    for (const node of nodes) {
        const { consensus } = await wait_status(node, is_halted, { what: 'a halt' });
        assert.match(consensus.why_not, new RegExp(`of which ${need} have to take part`));
        assert.match(consensus.why_not, new RegExp(`heard from ${have}\\b`));
    }
    const before = await Promise.all(nodes.map(status_of));
    await sleep(silence_ms);
    const after = await Promise.all(nodes.map(status_of));
    assert.deepEqual(after.map(seq_of), before.map(seq_of), 'a ledger without a quorum');
}

/** Empty while a contract is at work on it. */
export function state_on_disk(node) {
    try {
        return state_root_hex(node.state_dir);
    } catch (error) {
        if (error.code === 'ENOENT') return '';
        throw error;
    }
}

/** What an operator loses with a disk: state and ledgers, not the configuration. */
export function wipe(node) {
    for (const name of ['contract_fs', 'ledger_fs']) {
        fs.rmSync(path.join(node.dir, name), { recursive: true, force: true });
    }
}
