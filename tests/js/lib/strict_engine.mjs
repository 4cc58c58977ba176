// SPDX-License-Identifier: Apache-2.0
//
// A node as clients of the original engine see it: a proxy in front of one of ours that lets
// nothing through which only our nodes have, and refuses what the original does not know. Prints
// its address, then a line "violation: ..." for everything a client should not have done.
//
//   node strict_engine.mjs wss://127.0.0.1:PORT

import { createRequire } from 'node:module';
import process from 'node:process';

const require = createRequire(import.meta.url);
const WebSocket = require('ws');
const bson = require('bson');

const channels = ['unl_change', 'ledger_event', 'health_event'];

/** The members of each request; what else is in one would be an extension. */
const requests = {
    stat: [],
    lcl: [],
    contract_input: ['input_container', 'sig'],
    contract_read_request: ['id', 'content'],
    subscription: ['channel', 'enabled'],
    ledger_query: ['id', 'filter_by', 'params', 'include'],
};

function complain(text) {
    process.stdout.write(`violation: ${text}\n`);
}

class Session {
    constructor(client, target) {
        this.client = client;
        this.node = new WebSocket(target, { rejectUnauthorized: false });
        this.waiting = []; // for the node's socket to open
        this.bson = null; // known from the handshake
        this.known = new Set(); // ledgers that the node has answered for
        this.queries = new Map();
        client.on('message', (data) => this.from_client(Buffer.from(data)));
        client.on('close', () => this.node.terminate());
        client.on('error', () => this.node.terminate());
        this.node.on('open', () => this.waiting.splice(0).forEach((data) => this.node.send(data)));
        this.node.on('message', (data) => this.from_node(Buffer.from(data)));
        // The original says nothing when it ends a session.
        this.node.on('close', () => this.client.terminate());
        this.node.on('error', () => this.client.terminate());
    }

    decode(data) {
        return this.bson ? bson.deserialize(data, { promoteBuffers: true }) : JSON.parse(data);
    }

    to_node(data) {
        if (this.node.readyState === WebSocket.OPEN) this.node.send(data);
        else this.waiting.push(data);
    }

    from_client(data) {
        if (this.bson === null) {
            const answer = JSON.parse(data);
            this.check_members('user_challenge_response', answer, [
                'sig',
                'pubkey',
                'server_challenge',
                'protocol',
            ]);
            this.bson = answer.protocol === 'bson';
            this.to_node(data);
            return;
        }
        const message = this.decode(data);
        const members = requests[message.type];
        if (members === undefined) {
            complain(`a request of type ${message.type}`);
            this.client.terminate();
            return;
        }
        this.check_members(message.type, message, members);
        if (message.type === 'subscription' && !channels.includes(message.channel)) {
            complain(`the channel ${message.channel}`);
        }
        if (message.type === 'ledger_query') this.check_query(message);
        this.to_node(data);
    }

    check_members(type, message, members) {
        for (const name of Object.keys(message)) {
            if (name !== 'type' && !members.includes(name)) complain(`${type} with ${name}`);
        }
    }

    /** In BSON, the original dies when it is asked for raw data of a ledger that it lacks. */
    check_query({ id, filter_by: by, params, include }) {
        const seq_no = Number(params.seq_no);
        if (by !== 'seq_no' || !Array.isArray(include)) complain(`a query by ${by}`);
        if (this.bson && include.length > 0 && !this.known.has(seq_no)) {
            complain(`raw data of ledger ${seq_no} in BSON, which may not be there`);
        }
        this.queries.set(id, seq_no);
    }

    from_node(data) {
        if (this.bson === null) {
            this.to_client(data);
            return;
        }
        let message;
        try {
            message = this.decode(data);
        } catch {
            this.to_client(data); // the end of the handshake is JSON
            return;
        }
        if (message.type === 'stat_response' && 'node_version' in message) {
            delete message.node_version;
            const json = JSON.stringify(message);
            this.to_client(this.bson ? bson.serialize(message) : Buffer.from(json));
            return;
        }
        if (message.type === 'ledger_query_result') {
            const seq_no = this.queries.get(message.reply_for);
            this.queries.delete(message.reply_for);
            if (message.results.length > 0) this.known.add(seq_no);
        }
        this.to_client(data);
    }

    to_client(data) {
        if (this.client.readyState === WebSocket.OPEN) this.client.send(data, { binary: true });
    }
}

const server = new WebSocket.Server({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => process.stdout.write(`ws://127.0.0.1:${server.address().port}\n`));
server.on('connection', (client) => new Session(client, process.argv[2]));
