// SPDX-License-Identifier: Apache-2.0
//
// HotPocket contracts in NodeJS: this one file, without dependencies. The interface is that of the
// npm package hotpocket-nodejs-contract 0.7, so contracts run on either:
//
//     const HotPocket = require('./hotpocket-contract');
//     new HotPocket.Contract().init(async (ctx) => {
//         for (const user of ctx.users.list())
//             for (const input of user.inputs)
//                 await user.send({ echo: (await ctx.users.read(input)).toString() });
//     });
//
// What is better here: the handler is awaited whatever kind of function it is; what it throws goes
// to standard error and makes the exit code 1; messages to a user keep their order even without
// await, and arrive whole; ../patch.cfg is replaced in one step; listening to other nodes does not
// keep the program running after the handler.

'use strict';

const fs = require('fs');
const tty = require('tty');
const { promisify } = require('util');

const read_some = promisify(fs.read); // gives { bytesRead }
const write_some = promisify(fs.write); // gives { bytesWritten }

const clientProtocols = Object.freeze({ json: 'json', bson: 'bson' });
const POST_EXEC_SCRIPT_NAME = 'post_exec.sh';

const CONFIG_PATH = '../patch.cfg';
const PACKET_BYTES_MAX = 131072; // of NPL and control messages
const KEY_DIGITS = 66;

/** All of `bytes`, in order. A channel that the node has closed takes nothing more. */
async function write_all(fd, bytes) {
    for (let at = 0; at < bytes.length; ) {
        try {
            at += (await write_some(fd, bytes, at, bytes.length - at)).bytesWritten;
        } catch (error) {
            if (error.code === 'EPIPE') return;
            if (error.code !== 'EAGAIN' && error.code !== 'EINTR') throw error;
            await new Promise((resolve) => setTimeout(resolve, 1));
        }
    }
}

class User {
    #fd;
    #to_bytes;
    #sending = Promise.resolve();

    constructor(publicKey, [fd, ...inputs], to_bytes) {
        this.publicKey = publicKey;
        this.inputs = inputs; // of [offset, length], for users.read()
        this.#fd = fd;
        this.#to_bytes = to_bytes;
    }

    /** One message. Resolves when the node has it. */
    send(message) {
        if (!message) return Promise.reject(new Error('There is nothing to send.'));
        const body = this.#to_bytes(message);
        const frame = Buffer.alloc(4 + body.length);
        frame.writeUInt32BE(body.length);
        body.copy(frame, 4);
        const sent = this.#sending.then(() => write_all(this.#fd, frame));
        this.#sending = sent.catch(() => {}); // whoever sent that one is told
        return sent;
    }
}

class Users {
    #users = new Map();
    #fd;

    constructor(users, fd, to_bytes) {
        this.#fd = fd;
        for (const [key, value] of Object.entries(users)) {
            this.#users.set(key, new User(key, value, to_bytes));
        }
    }

    /** In the order of their keys, which is the same on every node. */
    list() {
        return [...this.#users.values()];
    }

    find(publicKey) {
        return this.#users.get(publicKey);
    }

    count() {
        return this.#users.size;
    }

    /** The bytes of one of user.inputs. */
    async read([offset, length]) {
        const out = Buffer.alloc(length);
        for (let at = 0; at < length; ) {
            const { bytesRead } = await read_some(this.#fd, out, at, length - at, offset + at);
            if (bytesRead === 0) throw new Error('The node gave less input than it announced.');
            at += bytesRead;
        }
        return out;
    }
}

class Unl {
    #nodes = new Map();
    #fd;
    #readonly;
    #listening = false;
    #tasks = [];
    #fail;

    constructor(unl, fd, readonly, fail) {
        this.#fd = fd;
        this.#readonly = readonly;
        this.#fail = fail;
        if (readonly) return; // nobody to talk to
        for (const [publicKey, { active_on }] of Object.entries(unl)) {
            this.#nodes.set(publicKey, { publicKey, activeOn: active_on });
        }
    }

    list() {
        return [...this.#nodes.values()];
    }

    find(publicKey) {
        return this.#nodes.get(publicKey);
    }

    count() {
        return this.#nodes.size;
    }

    #refuse_in_reads() {
        if (this.#readonly) throw new Error('NPL messages not available in readonly mode.');
    }

    /** Calls `callback` with the node and the Buffer of every message, this node's included. */
    onMessage(callback) {
        this.#refuse_in_reads();
        if (this.#listening) throw new Error('NPL messages are listened to already.');
        this.#listening = true;
        this.#listen(callback).catch((error) => this.#fail(error));
    }

    async #listen(callback) {
        const key = Buffer.alloc(KEY_DIGITS);
        const data = Buffer.alloc(PACKET_BYTES_MAX);
        for (;;) {
            const head = await read_some(this.#fd, key, 0, key.length, null);
            if (head.bytesRead === 0) return;
            const body = await read_some(this.#fd, data, 0, data.length, null);
            if (body.bytesRead === 0) return;
            const node = this.#nodes.get(key.toString('latin1', 0, head.bytesRead));
            const message = Buffer.from(data.subarray(0, body.bytesRead));
            const task = (async () => callback(node, message))();
            this.#tasks.push(task.catch((error) => this.#fail(error)));
        }
    }

    /** One message of 1 to 131072 bytes to all nodes. */
    async send(data) {
        this.#refuse_in_reads();
        const bytes = Buffer.from(data);
        if (bytes.length > PACKET_BYTES_MAX) {
            throw new Error(`An NPL message has ${PACKET_BYTES_MAX} bytes at most.`);
        }
        await write_some(this.#fd, bytes, 0, bytes.length); // one packet, or an error
    }

    /** What callbacks have begun, for the end of the run. */
    async finish() {
        for (let done = 0; done < this.#tasks.length; done = this.#tasks.length) {
            await Promise.all(this.#tasks);
        }
    }
}

const is_count = (value) => Number.isSafeInteger(value) && value >= 0;
const is_within = (value, min, max) => is_count(value) && value >= min && value <= max;
const is_visibility = (value) => value === 'public' || value === 'private';
const is_node_key = (value) => /^ed[0-9a-f]{64}$/i.test(value);

/** Throws unless a node would take this configuration. */
function check_config(config) {
    const environment = config.environment ?? {};
    const limits = config.round_limits ?? {};
    const checks = [
        [config.version, 'Contract version is not specified.'],
        [Array.isArray(config.unl) && config.unl.length > 0, 'The UNL is empty.'],
        [config.unl?.every?.(is_node_key), 'A key in the UNL is not the key of a node.'],
        [config.bin_path, 'bin_path is not specified.'],
        [is_count(config.max_input_ledger_offset ?? 0), 'max_input_ledger_offset is no count.'],
        [is_visibility(config.consensus?.mode), 'consensus.mode is not public or private.'],
        [is_within(config.consensus?.roundtime, 1, 3600000), 'roundtime is not 1 to 3600000.'],
        [is_within(config.consensus?.stage_slice, 1, 33), 'stage_slice is not 1 to 33.'],
        [is_within(config.consensus?.threshold, 1, 100), 'threshold is not 1 to 100.'],
        [is_visibility(config.npl?.mode), 'npl.mode is not public or private.'],
        [Object.values(limits).every(is_count), 'A round limit is no count.'],
        [
            Object.values(environment).every((value) => typeof value === 'string'),
            'A value of the environment is no text.',
        ],
    ];
    for (const [good, problem] of checks) {
        if (!good) throw new Error(problem);
    }
}

class Context {
    #control_fd;

    constructor(document, users, unl) {
        this.contractId = document.contract_id;
        this.publicKey = document.public_key;
        this.privateKey = document.private_key;
        this.readonly = document.readonly;
        this.timestamp = document.timestamp;
        this.lclSeqNo = document.lcl_seq_no; // undefined in read requests, like the next one
        this.lclHash = document.lcl_hash;
        this.users = users;
        this.unl = unl;
        this.#control_fd = document.control_fd;
    }

    async getConfig() {
        return JSON.parse(await fs.promises.readFile(CONFIG_PATH, 'utf8'));
    }

    /** In force from the next ledger on, if every node does the same. */
    async updateConfig(config) {
        check_config(config);
        const fresh = `${CONFIG_PATH}.new`;
        try {
            await fs.promises.writeFile(fresh, JSON.stringify(config, null, 4));
            await fs.promises.rename(fresh, CONFIG_PATH);
        } catch (error) {
            await fs.promises.rm(fresh, { force: true }).catch(() => {});
            throw error;
        }
    }

    /** Changes the known peers of this one node: "host:port"; "*" removes all. */
    async updatePeers(add, remove) {
        const message = { type: 'peer_changeset', add: add ?? [], remove: remove ?? [] };
        const bytes = Buffer.from(JSON.stringify(message));
        if (bytes.length > PACKET_BYTES_MAX) {
            throw new Error(`A control message has ${PACKET_BYTES_MAX} bytes at most.`);
        }
        await write_some(this.#control_fd, bytes, 0, bytes.length);
    }
}

class Contract {
    #started = false;

    /**
     * Calls `handler` with the context of this run. `protocol` says what user.send() makes of
     * messages that are no Buffer: JSON, or bytes for BSON users. Resolves with false when this was
     * not started by a node or was called before, and with true as soon as the handler runs.
     */
    async init(handler, protocol = clientProtocols.json, forceTerminate = false) {
        if (this.#started) return false;
        this.#started = true;
        if (tty.isatty(0)) {
            console.error('A contract is started by a HotPocket node, not from a terminal.');
            return false;
        }
        const document = JSON.parse(fs.readFileSync(0, 'utf8'));
        this.#run(document, handler, protocol, forceTerminate);
        return true;
    }

    async #run(document, handler, protocol, forceTerminate) {
        const fail = (error) => {
            console.error(error);
            process.exitCode = 1;
        };
        const to_bytes = (message) => {
            if (Buffer.isBuffer(message)) return message;
            return Buffer.from(protocol === clientProtocols.bson ? message : JSON.stringify(message));
        };
        const users = new Users(document.users, document.user_in_fd, to_bytes);
        const unl = new Unl(document.unl, document.npl_fd, document.readonly, fail);
        try {
            await handler(new Context(document, users, unl));
            await unl.finish();
        } catch (error) {
            fail(error);
        }
        if (forceTerminate) {
            process.kill(process.pid, 'SIGINT');
            return;
        }
        // The node then closes NPL, which ends a read that is still waiting.
        const end = Buffer.from('{"type":"contract_end"}');
        await write_some(document.control_fd, end, 0, end.length).catch(() => {});
    }
}

module.exports = { Contract, clientProtocols, POST_EXEC_SCRIPT_NAME };
