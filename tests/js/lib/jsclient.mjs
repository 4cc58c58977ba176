// SPDX-License-Identifier: Apache-2.0
//
// The published hotpocket-js-client, unmodified, with its events collected for waiting.

import { createRequire } from 'node:module';

import { patience_ms, until } from './util.mjs';

const require = createRequire(import.meta.url);
export const HotPocket = require('hotpocket-js-client');

// Errors only; the library prints every connection otherwise.
HotPocket.setLogLevel(1);

export class PublishedClient {
    /** options: keys, and those of createClient. */
    static async create(node, { keys, ...options } = {}) {
        const client_keys = keys ?? (await HotPocket.generateKeys());
        const client = await HotPocket.createClient([node.url], client_keys, options);
        return new PublishedClient(node, client, client_keys, options);
    }

    /** Creates and connects; an error unless connecting succeeds. */
    static async connect(node, options = {}) {
        const published = await PublishedClient.create(node, options);
        if (!(await published.client.connect())) {
            throw new Error(`the published client could not connect\n${node.log_tail()}`);
        }
        return published;
    }

    constructor(node, client, keys, options) {
        this.node = node;
        this.client = client;
        this.public_hex = Buffer.from(keys.publicKey).toString('hex');
        this.protocol = options.protocol ?? 'json';
        this.outputs = [];
        this.events = [];
        this.changes = [];
        this.last_nonce = Date.now() * 1000;
        client.on(HotPocket.events.contractOutput, (message) => {
            for (const output of message.outputs) {
                this.outputs.push({ ledger: message.ledgerSeqNo, value: this.text_of(output) });
            }
        });
        client.on(HotPocket.events.ledgerEvent, (event) => this.events.push(event));
        client.on(HotPocket.events.unlChange, (unl) =>
            this.events.push({ event: 'unl_change', unl }),
        );
        client.on(HotPocket.events.healthEvent, (event) => this.events.push(event));
        client.on(HotPocket.events.connectionChange, (_, action) => this.changes.push(action));
    }

    /** Text of an output or response; objects stay what JSON made of them. */
    text_of(value) {
        return this.protocol === 'bson' ? Buffer.from(value).toString() : value;
    }

    hex_of(value) {
        return typeof value === 'string' ? value : Buffer.from(value).toString('hex');
    }

    /** The library's default nonce is the time in ms, which two inputs may share. */
    next_nonce() {
        this.last_nonce += 1;
        return this.last_nonce;
    }

    async submit(text, nonce = this.next_nonce()) {
        // The library would have it in the next ten ledgers; a busy machine may need more.
        const offset = this.node.cfg.contract.max_input_ledger_offset;
        const input = await this.client.submitContractInput(text, nonce, offset);
        return { hash: this.hex_of(input.hash), status: await input.submissionStatus };
    }

    async read(text, id) {
        const reply = await this.client.submitContractReadRequest(text, id, patience_ms);
        if (reply === null || reply === undefined) throw new Error(`no reply to read "${text}"`);
        return this.text_of(reply);
    }

    wait_output(wanted) {
        const matches = typeof wanted === 'function' ? wanted : (value) => value === wanted;
        return until(() => this.outputs.find((output) => matches(output.value)), {
            what: `output ${wanted}; received ${JSON.stringify(this.outputs).slice(0, 500)}`,
        });
    }

    wait_event(wanted) {
        return until(() => this.events.find(wanted), { what: 'event' });
    }

    close() {
        return this.client.close();
    }
}

/**
 * Runs with a connected client and closes it; a failure quotes the node's log. The node may be on
 * its way still.
 */
export async function with_user(starting, run, protocol = 'json') {
    const node = await starting;
    const user = await PublishedClient.connect(node, { protocol });
    try {
        await run(user, node);
    } catch (error) {
        error.message += `\n--- log\n${node.log_tail()}`;
        throw error;
    } finally {
        await user.close();
    }
}
