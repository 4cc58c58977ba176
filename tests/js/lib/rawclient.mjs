// SPDX-License-Identifier: Apache-2.0
//
// A client of the user protocol that can do everything wrong on request. It records every frame
// with its opcode and time, and turns BSON and JSON messages into one form: hashes, keys and
// signatures are lowercase hex strings, integers are numbers, contract content stays as received
// (see `content_bytes`).

import { createRequire } from 'node:module';

import { b3_hex, make_keys, sign, verify } from './crypto.mjs';
import { patience_ms, silence_ms } from './util.mjs';

const require = createRequire(import.meta.url);
const WebSocket = require('ws');
export const bson = require('bson');

// Where nodes set no limit.
const far_ledgers = 1000;
const shown_messages = 12;
const shown_chars = 400;

const farthest_offset = (node) => node.cfg.contract.max_input_ledger_offset || far_ledgers;

export class RawClient {
    /** Connects and waits for `user_challenge`, unless the caller wants to see a refusal. */
    static async connect(node, options = {}) {
        const client = new RawClient(node, options);
        try {
            await client.opened;
            if (options.await_challenge !== false) {
                client.challenge = (await client.wait('user_challenge')).msg;
            }
        } catch (error) {
            client.ws.terminate();
            throw error;
        }
        return client;
    }

    /** Connects and completes the handshake. */
    static async login(node, options = {}) {
        const client = await RawClient.connect(node, options);
        try {
            await client.handshake();
        } catch (error) {
            client.ws.terminate();
            throw error;
        }
        return client;
    }

    constructor(node, options) {
        this.node = node;
        this.keys = options.keys ?? make_keys();
        this.protocol = options.protocol ?? 'json';
        this.label = options.label ?? this.keys.hex.slice(0, 10);
        this.bson_mode = false;
        this.records = [];
        this.waiters = new Set();
        this.end = null;
        this.last_error = null;
        this.last_nonce = Date.now() * 1000;
        this.input_offset = options.input_offset ?? farthest_offset(node);
        this.connect_socket(options);
    }

    connect_socket(options) {
        this.ws = new WebSocket(this.node.url + (options.path ?? '/'), options.subprotocols ?? [], {
            rejectUnauthorized: false,
            perMessageDeflate: options.deflate ?? false,
            localAddress: options.local_address ?? '127.0.0.1',
            maxVersion: options.tls_max ?? 'TLSv1.3',
            handshakeTimeout: patience_ms,
            maxPayload: 0,
        });
        this.opened = new Promise((resolve, reject) => {
            this.ws.once('open', resolve);
            this.ws.on('error', (error) => {
                this.last_error = error;
                if (options.await_challenge === false) resolve();
                else reject(new Error(this.explain(`connecting failed: ${error.message}`)));
            });
        });
        this.closed = new Promise((resolve) => {
            this.ws.once('close', (code, reason) => {
                this.end = { code, reason: reason.toString(), at_ms: Date.now() };
                this.settle_waiters();
                resolve(this.end);
            });
        });
        this.ws.on('message', (data, is_binary) => this.on_message(data, is_binary));
        this.ws.on('pong', (data) => this.note({ kind: 'pong', data }));
        this.ws.on('ping', (data) => this.note({ kind: 'ping', data }));
    }

    on_message(data, is_binary) {
        const record = { kind: 'message', opcode: is_binary ? 'binary' : 'text', data };
        try {
            if (this.bson_mode) {
                record.doc = bson.deserialize(data, { promoteValues: false });
                record.msg = plain_of_bson(record.doc);
            } else {
                record.text = new TextDecoder('utf-8', { fatal: true }).decode(data);
                record.msg = JSON.parse(record.text);
                // What the server kept for the user may follow within the same packet.
                if (record.msg.type === 'server_challenge_response') this.start_session();
            }
        } catch (error) {
            record.decode_error = error.message;
        }
        this.note(record);
    }

    note(record) {
        record.at_ms = Date.now();
        record.index = this.records.length;
        this.records.push(record);
        this.settle_waiters();
    }

    settle_waiters() {
        for (const waiter of this.waiters) waiter();
    }

    /**
     * The first record at or after `from` that satisfies `wanted`: a message type, or a predicate
     * of (message, record). Fails at once when the connection is gone.
     */
    wait(wanted, { from = 0, timeout_ms = patience_ms, what } = {}) {
        const matches = typeof wanted === 'string' ? (msg) => msg.type === wanted : wanted;
        const title = what ?? (typeof wanted === 'string' ? wanted : 'a matching message');
        let next = from;
        return new Promise((resolve, reject) => {
            const finish = (action, value) => {
                clearTimeout(timer);
                this.waiters.delete(look);
                action(value);
            };
            const look = () => {
                for (; next < this.records.length; next += 1) {
                    const record = this.records[next];
                    if (record.decode_error) {
                        return finish(
                            reject,
                            new Error(this.explain('a message cannot be decoded')),
                        );
                    }
                    if (record.msg && matches(record.msg, record)) return finish(resolve, record);
                }
                if (this.end)
                    finish(reject, new Error(this.explain(`connection ended before ${title}`)));
                return undefined;
            };
            const timer = setTimeout(() => {
                finish(reject, new Error(this.explain(`no ${title} within ${timeout_ms} ms`)));
            }, timeout_ms);
            this.waiters.add(look);
            look();
        });
    }

    /** Waits for `count` matching messages, in order. */
    async wait_count(count, wanted, options = {}) {
        const found = [];
        let from = options.from ?? 0;
        while (found.length < count) {
            const record = await this.wait(wanted, { ...options, from });
            found.push(record);
            from = record.index + 1;
        }
        return found;
    }

    async wait_closed(timeout_ms = patience_ms) {
        if (this.end) return this.end;
        let timer;
        const expired = new Promise((resolve) => {
            timer = setTimeout(() => resolve(null), timeout_ms);
        });
        const end = await Promise.race([this.closed, expired]);
        clearTimeout(timer);
        if (end) return end;
        throw new Error(this.explain(`connection still open after ${timeout_ms} ms`));
    }

    /** "Drop" of the specification: the connection ends without any reply after `from`. */
    async expect_drop({ from = this.mark(), timeout_ms = silence_ms } = {}) {
        const end = await this.wait_closed(timeout_ms);
        const replies = this.records.slice(from).filter((record) => record.kind === 'message');
        if (replies.length > 0) throw new Error(this.explain('a reply came before the drop'));
        return end;
    }

    /** Position in the record, to be given as `from`. */
    mark() {
        return this.records.length;
    }

    /** Everything that came at or after `from`, in short. */
    received(from) {
        return this.records.slice(from).map((record) => record.msg ?? record.kind);
    }

    messages(type, from = 0) {
        return this.records.slice(from).filter((record) => record.msg?.type === type);
    }

    // ---- handshake

    /** The honest response to the received challenge; `overrides` replaces or adds fields. */
    challenge_response(overrides = {}) {
        return {
            type: 'user_challenge_response',
            sig: sign(this.challenge.challenge, this.keys).toString('hex'),
            pubkey: this.keys.hex,
            server_challenge: '00112233445566778899aabbccddeeff',
            protocol: this.protocol,
            ...overrides,
        };
    }

    /** Sends the response and checks the server's proof. */
    async handshake(overrides = {}) {
        const response = this.challenge_response(overrides);
        this.server_challenge = response.server_challenge;
        this.send_json(response);
        const record = await this.wait((msg) => msg.type !== 'user_challenge', {
            what: 'server_challenge_response',
        });
        if (record.msg.type !== 'server_challenge_response') {
            throw new Error(this.explain('the first reply is no server_challenge_response'));
        }
        if (!this.proof_is_valid(record.msg)) {
            throw new Error(this.explain('the signature of the server is wrong'));
        }
        return record.msg;
    }

    proof_is_valid({ sig, pubkey }) {
        const { contract_id, contract_version } = this.challenge;
        const message = this.server_challenge + contract_id + contract_version;
        return verify(Buffer.from(sig, 'hex'), message, Buffer.from(pubkey, 'hex'));
    }

    /** From here messages use the encoding that was asked for. */
    start_session() {
        this.bson_mode = this.protocol === 'bson';
    }

    // ---- sending

    send_raw(data, { binary = true, fin = true } = {}) {
        this.ws.send(data, { binary, fin });
    }

    send_json(message, options) {
        this.send_raw(JSON.stringify(message), options);
    }

    /** Sends in the encoding of the session. */
    send(message) {
        this.send_raw(this.bson_mode ? bson.serialize(message) : JSON.stringify(message));
    }

    async request(message, reply_type) {
        const from = this.mark();
        this.send(message);
        return (await this.wait(reply_type, { from })).msg;
    }

    /** Last closed ledger. Also a barrier: replies to earlier messages come before this one. */
    lcl() {
        return this.request({ type: 'lcl' }, 'lcl_response');
    }

    stat() {
        return this.request({ type: 'stat' }, 'stat_response');
    }

    read(id, content) {
        this.send({ type: 'contract_read_request', id, content: this.content(content) });
    }

    subscribe(channel, enabled = true) {
        this.send({ type: 'subscription', channel, enabled });
    }

    async query(seq_no, include = [], id = `q${this.records.length}`) {
        const message = {
            type: 'ledger_query',
            id,
            filter_by: 'seq_no',
            params: { seq_no },
            include,
        };
        const from = this.mark();
        this.send(message);
        const matches = (msg) => msg.type === 'ledger_query_result' && msg.reply_for === id;
        return (await this.wait(matches, { from, what: `result of query ${id}` })).msg;
    }

    content(value) {
        if (this.bson_mode) return new bson.Binary(Buffer.from(value));
        return Buffer.isBuffer(value) ? value.toString() : value;
    }

    /** Bytes of one output, or of a read response, in either encoding. */
    content_bytes(value) {
        if (this.bson_mode) return Buffer.from(value, 'hex');
        return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    }

    content_text(value) {
        return this.content_bytes(value).toString();
    }

    // ---- inputs

    next_nonce() {
        this.last_nonce += 1;
        return this.last_nonce;
    }

    /** A complete input message. `container` overrides fields, or is all of its bytes. */
    make_input(input, { nonce = this.next_nonce(), max, container = {}, fields = {} } = {}) {
        const bytes = Buffer.isBuffer(container)
            ? container
            : this.encode_container(input, nonce, max, container);
        const sig = sign(bytes, this.keys);
        const message = {
            type: 'contract_input',
            input_container: this.bson_mode ? new bson.Binary(bytes) : bytes.toString(),
            sig: this.bson_mode ? new bson.Binary(sig) : sig.toString('hex'),
            ...fields,
        };
        return { message, sig, hash: b3_hex(sig), container: bytes, nonce, max, input };
    }

    encode_container(input, nonce, max, overrides) {
        if (this.bson_mode) {
            return bson.serialize({
                input: new bson.Binary(Buffer.from(input)),
                nonce: bson.Long.fromNumber(nonce),
                max_ledger_seq_no: bson.Long.fromNumber(max),
                ...overrides,
            });
        }
        const text = Buffer.isBuffer(input) ? input.toString() : input;
        const container = { input: text, nonce, max_ledger_seq_no: max, ...overrides };
        return Buffer.from(JSON.stringify(container));
    }

    send_input(built) {
        built.from = this.mark();
        this.send(built.message);
        return built;
    }

    /** The last ledger that a new input may enter: a test or a machine may be late. */
    async farthest_ledger() {
        return (await this.lcl()).ledger_seq_no + this.input_offset;
    }

    /** Signs and sends an input that may enter ledgers up to `max`, or one of the next `offset`. */
    async submit(input, { offset = this.input_offset, ...options } = {}) {
        const max = options.max ?? (await this.lcl()).ledger_seq_no + offset;
        return this.send_input(this.make_input(input, { ...options, max }));
    }

    /** All of them into one ledger, and so into one run: right after a ledger that seldom fails. */
    async submit_together(texts) {
        this.subscribe('ledger_event');
        for (;;) {
            await this.next_ledger();
            const max = await this.farthest_ledger();
            const built = texts.map((text) => this.send_input(this.make_input(text, { max })));
            const told = await Promise.all(built.map(({ hash }) => this.wait_accepted(hash)));
            if (new Set(told.map(({ ledger_seq_no }) => ledger_seq_no)).size === 1) return;
        }
    }

    statuses(hash) {
        return this.messages('contract_input_status').filter(
            (record) => record.msg.input_hash === hash,
        );
    }

    async wait_status(hash, options = {}) {
        const matches = (msg) => msg.type === 'contract_input_status' && msg.input_hash === hash;
        const what = `status of input ${hash.slice(0, 8)}`;
        return (await this.wait(matches, { what, ...options })).msg;
    }

    async wait_accepted(hash, options = {}) {
        const status = await this.wait_status(hash, options);
        if (status.status !== 'accepted') {
            throw new Error(this.explain(`input was not accepted but ${status.reason}`));
        }
        return status;
    }

    /** The output message that holds an output with these bytes. */
    async wait_output(content, options = {}) {
        const wanted = Buffer.from(content);
        const matches = (msg) =>
            msg.type === 'contract_output' &&
            msg.outputs.some((output) => this.content_bytes(output).equals(wanted));
        return (await this.wait(matches, { what: `output ${content}`, ...options })).msg;
    }

    /** Submits, waits for acceptance and for the echo. */
    async echo(text, options = {}) {
        const built = await this.submit(text, options);
        const status = await this.wait_accepted(built.hash, { from: built.from });
        const output = await this.wait_output(options.expected ?? text, { from: built.from });
        return { built, status, output };
    }

    /** The next ledger the node creates; the client must be subscribed to ledger_event. */
    async next_ledger({ from = this.mark(), where = () => true } = {}) {
        const matches = (msg) =>
            msg.type === 'ledger_event' && msg.event === 'ledger_created' && where(msg.ledger);
        return (await this.wait(matches, { from, what: 'ledger_created' })).msg.ledger;
    }

    async close() {
        if (this.end) return;
        if (this.ws.readyState === WebSocket.CONNECTING) this.ws.terminate();
        else this.ws.close();
        const timer = setTimeout(() => this.ws.terminate(), 2000);
        await this.closed;
        clearTimeout(timer);
    }

    explain(problem) {
        const last = this.records.slice(-shown_messages).map(show_record);
        const state = this.end ? `closed ${this.end.code} "${this.end.reason}"` : 'open';
        const error = this.last_error ? `, error ${this.last_error.message}` : '';
        return [`[${this.label}] ${problem}; connection ${state}${error}`, ...last].join('\n    ');
    }
}

function show_record(record) {
    const body =
        record.text ?? (record.msg ? JSON.stringify(record.msg) : record.data.toString('hex'));
    const fault = record.decode_error ? ` UNDECODABLE (${record.decode_error})` : '';
    const time = new Date(record.at_ms).toISOString().slice(11, 23); // as in the logs of nodes
    return `${time} ${record.kind}${fault} ${body.slice(0, shown_chars)}`;
}

/** BSON values in the form that JSON messages have. */
function plain_of_bson(value) {
    if (Array.isArray(value)) return value.map(plain_of_bson);
    if (value === null || typeof value !== 'object') return value;
    switch (value._bsontype) {
        case 'Binary':
            return value.value(true).toString('hex');
        case 'Int32':
        case 'Double':
            return Number(value.value);
        case 'Long':
            return value.toNumber();
        default:
            return Object.fromEntries(
                Object.entries(value).map(([key, item]) => [key, plain_of_bson(item)]),
            );
    }
}
