// SPDX-License-Identifier: Apache-2.0
//
// The other side of a mesh connection, written from docs/protocol/peer.md alone: it proves a key of
// its own and then says whatever a test wants, in its own name or with a member's key. And a
// stranger in the middle of a connection between two nodes.

import { createRequire } from 'node:module';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';

import { b3, make_keys, sign, verify, zero_hash } from './crypto.mjs';
import { fresh_ip, patience_ms, until } from './util.mjs';

const require = createRequire(import.meta.url);
const WebSocket = require('ws');

const host = '127.0.0.1';
const greeting = Buffer.from('hp2 peer 1');
const zero = Buffer.from(zero_hash, 'hex');

/** Types of messages, kinds of messages within "agreement", kinds of signed statements. */
export const type = {
    hello: 1,
    proof: 2,
    agreement: 3,
    npl: 4,
    get_config: 5,
    config: 6,
    addresses: 7,
    state_request: 8,
    state_answer: 9,
};
export const kind = { open: 1, result: 2, propose: 3, vote: 4, get_inputs: 9, get_ledger: 12 };
const result_mode = { certified: 1 };
export const statement = { open: 1, propose: 2, prepare: 3, commit: 4, skip: 5, result: 6 };

// ---- bytes

export const u8 = (value) => Buffer.from([value]);
export function u32(value) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
}
export function u64(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return bytes;
}
export const join = (...parts) => Buffer.concat(parts);
export const list = (items) => join(u32(items.length), ...items);
export const with_length = (bytes) => join(u32(bytes.length), bytes);
const tag = (text) => Buffer.from(`${text}\0`);

export const contract_hash = (contract_id) => b3(contract_id);

/** Who decides, and by how many votes. */
export function unl_hash(keys, quorum) {
    const ascending = [...keys].sort().map((key) => Buffer.from(key, 'hex'));
    return b3(tag('hp2/unl'), u32(quorum), ...ascending);
}

export const hello = ({ contract_id, keys, port = 0 }) =>
    join(u8(type.hello), greeting, contract_hash(contract_id), keys.wire, u32(port));

function proof_bytes(contract_id, binding, caller, called, by_caller) {
    const begin = join(u8(0xff), Buffer.from('hp2/'), Buffer.from([0x80, 0]));
    const hash = contract_hash(contract_id);
    return join(begin, hash, with_length(binding), caller, called, u8(by_caller ? 1 : 0));
}

/** What a member says about ledgers, signed for one UNL. */
export class Member {
    constructor({ contract_id, unl, keys }) {
        this.domain = join(contract_hash(contract_id), unl);
        this.keys = keys;
    }

    signed(statement_kind, body_digest) {
        const head = join(u8(0xff), Buffer.from('hp2/'), u8(statement_kind), u8(0));
        return join(this.keys.wire, sign(join(head, this.domain, body_digest), this.keys));
    }

    vote(statement_kind, { height, attempt, digest = zero }) {
        const body = b3(tag('hp2/vote'), u64(height), u32(attempt), digest);
        const by = this.signed(statement_kind, body);
        const content = join(u8(statement_kind), u64(height), u32(attempt), digest, by);
        return join(u8(type.agreement), u8(kind.vote), content);
    }

    open({ height, prev_hash, version = 1, clock_ms = Date.now(), nonce = b3('n'), inputs = [] }) {
        const lists = join(list([]), list(inputs));
        const begin = join(u64(height), prev_hash, u64(version), u64(clock_ms), nonce);
        const by = this.signed(statement.open, b3(tag('hp2/open'), begin, lists));
        return join(u8(type.agreement), u8(kind.open), begin, lists, by);
    }

    /** A ledger without users, inputs and anything it could follow from; it is whole, not right. */
    propose({ height, prev_hash, attempt = 0, nonce, timestamp_ms = Date.now() }) {
        const none = list([]);
        const begin = join(u64(height), u64(timestamp_ms));
        const states = join(zero, zero);
        const lists = join(zero, zero); // of inputs and outputs
        const data = join(tag('hp2/ledger-data'), begin, states, nonce, zero, zero, lists);
        const ledger_hash = b3(tag('hp2/ledger'), prev_hash, b3(data));
        const rest_hash = b3(tag('hp2/block-rest'), none, none, u8(result_mode.certified), none);
        const digest = b3(tag('hp2/block'), ledger_hash, rest_hash);
        const vote = b3(tag('hp2/vote'), u64(height), u32(attempt), digest);
        const block = join(begin, prev_hash, states, lists, nonce, zero, none, none, none);
        const why = join(u8(0), none);
        const by = this.signed(statement.propose, vote);
        const head = join(u8(type.agreement), u8(kind.propose), u64(height), u32(attempt));
        return join(head, block, u8(result_mode.certified), none, why, by);
    }

    result({ seq, ledger_hash, state_hash, config_hash, output_root }) {
        const claim = join(u64(seq), ledger_hash, state_hash, config_hash, output_root);
        const by = this.signed(statement.result, b3(tag('hp2/result'), claim));
        return join(u8(type.agreement), u8(kind.result), claim, sign(output_root, this.keys), by);
    }
}

/** A vote that a node sent, else null. */
export function read_vote(bytes) {
    if (bytes[0] !== type.agreement || bytes[1] !== kind.vote) return null;
    return {
        kind: bytes[2],
        height: Number(bytes.readBigUInt64BE(3)),
        attempt: bytes.readUInt32BE(11),
        digest: bytes.subarray(15, 47),
        member: bytes.subarray(47, 80).toString('hex'),
    };
}

/** A PROPOSE that a node sent, else null. */
export function read_propose(bytes) {
    if (bytes[0] !== type.agreement || bytes[1] !== kind.propose) return null;
    return { height: Number(bytes.readBigUInt64BE(2)), attempt: bytes.readUInt32BE(10) };
}

/** An OPEN that a node sent, else null. */
export function read_open(bytes) {
    if (bytes[0] !== type.agreement || bytes[1] !== kind.open) return null;
    return { height: Number(bytes.readBigUInt64BE(2)), prev_hash: bytes.subarray(10, 42) };
}

// ---- one connection

export class Peer {
    /** Connects to a node and proves its key. */
    static async join(node, options = {}) {
        const peer = await Peer.connect(node, options);
        await peer.shake_hands();
        return peer;
    }

    /** Connects and says nothing yet. */
    static async connect(node, options = {}) {
        const port = options.port ?? node.cfg.mesh.port;
        let secure = null;
        const socket = new WebSocket(`wss://${host}:${port}/`, {
            createConnection: () => {
                secure = tls.connect({
                    host,
                    port,
                    localAddress: options.local_address ?? fresh_ip(),
                    rejectUnauthorized: false,
                    minVersion: 'TLSv1.3',
                });
                return secure;
            },
            perMessageDeflate: false,
            handshakeTimeout: patience_ms,
            maxPayload: 0,
        });
        const peer = new Peer(node, socket, { ...options, is_caller: true });
        await new Promise((resolve, reject) => {
            socket.once('open', resolve);
            socket.once('error', reject);
        });
        peer.binding = binding_of(secure);
        return peer;
    }

    constructor(node, socket, options) {
        this.contract_id = options.contract_id ?? node?.cfg.contract.id;
        this.keys = options.keys ?? make_keys();
        this.is_caller = options.is_caller;
        this.socket = socket;
        this.heard = []; // messages, in order
        this.end = null;
        this.on_message = options.on_message ?? (() => {});
        socket.on('error', () => {});
        socket.on('close', (code, reason) => {
            this.end = { code, reason: reason.toString() };
        });
        socket.on('message', (bytes) => {
            this.heard.push(bytes);
            this.on_message(bytes, this);
        });
    }

    say(...messages) {
        for (const message of messages) {
            if (!this.end) this.socket.send(message);
        }
    }

    async next(at) {
        await until(() => this.heard.length > at || this.end, { what: 'message of the node' });
        if (this.heard.length > at) return this.heard[at];
        throw new Error(`the node ended the connection: ${JSON.stringify(this.end)}`);
    }

    /** The honest handshake; the node's key is known and proven afterwards. */
    async shake_hands() {
        this.say(hello(this));
        const greeted = await this.next(0);
        this.other = greeted.subarray(43, 76);
        this.say(this.proof());
        const proof = await this.next(1);
        const [first, signature] = [proof[0], proof.subarray(1)];
        if (first !== type.proof || !verify(signature, this.proven_bytes(false), this.other)) {
            throw new Error('the node did not prove its key');
        }
    }

    proven_bytes(by_me) {
        const pair = [this.keys.wire, this.other];
        const [caller, called] = this.is_caller ? pair : pair.reverse();
        const by_caller = by_me === this.is_caller;
        return proof_bytes(this.contract_id, this.binding, caller, called, by_caller);
    }

    proof() {
        return join(u8(type.proof), sign(this.proven_bytes(true), this.keys));
    }

    /** What the node said when it ended the connection. */
    async wait_end() {
        await until(() => this.end, { what: 'end of the connection' });
        return this.end;
    }

    /** Waits until the node has read what was said so far, or has ended the connection. */
    async wait_sent() {
        await until(() => this.end || this.socket.bufferedAmount === 0, {
            what: 'a node that reads',
        });
    }

    close() {
        this.socket.terminate();
    }
}

const binding_of = (secure) => secure.exportKeyingMaterial(32, 'EXPORTER-hotpocket-channel');

/** Pretends to be a node: passes on every message between its caller and that node. */
export class Middleman {
    /** `certificate_of`: any node, whose certificate proves nothing. */
    static async start(port, target, certificate_of) {
        const file = (name) => fs.readFileSync(path.join(certificate_of.dir, 'cfg', name));
        const server = https.createServer({ cert: file('tlscert.pem'), key: file('tlskey.pem') });
        const middle = new Middleman(server, target);
        await new Promise((resolve) => {
            server.listen({ port, host }, resolve);
        });
        return middle;
    }

    constructor(server, target) {
        this.server = server;
        this.passed = [];
        this.sockets = [];
        const sockets = new WebSocket.WebSocketServer({ server, maxPayload: 0 });
        sockets.on('connection', (caller) => this.pass(caller, target));
    }

    pass(caller, target) {
        const called = new WebSocket(`wss://${host}:${target.cfg.mesh.port}/`, {
            rejectUnauthorized: false,
            localAddress: fresh_ip(),
        });
        const early = [];
        this.sockets.push(caller, called);
        for (const [from, to] of [
            [caller, called],
            [called, caller],
        ]) {
            from.on('error', () => {});
            from.on('message', (bytes) => {
                this.passed.push(bytes);
                if (to.readyState === WebSocket.CONNECTING) early.push(bytes);
                else to.send(bytes, () => {});
            });
            from.on('close', () => to.close());
        }
        called.on('open', () => {
            for (const bytes of early) called.send(bytes);
        });
    }

    close() {
        for (const socket of this.sockets) socket.terminate();
        this.server.close();
    }
}
