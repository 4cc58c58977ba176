// SPDX-License-Identifier: Apache-2.0
//
// A user who goes on submitting numbered inputs while its node dies and comes back: it connects
// again with the same key, repeats what it never got an answer to, and remembers what it was told.

import { RawClient } from './rawclient.mjs';
import { sleep, until } from './util.mjs';

const retry_ms = 20;
const connect_timeout_ms = 5000;
const near_offset = 8;
const unanswered_max = 12;

export class SteadyUser {
    /** make_text(number) gives the content of an input; pause_ms() the time to the next one. */
    constructor(node, { keys, protocol, make_text, pause_ms, max_offset = near_offset }) {
        this.node = node;
        this.options = { keys, protocol };
        this.make_text = make_text;
        this.pause_ms = pause_ms;
        this.max_offset = max_offset;
        this.inputs = []; // { hash, text, sessions, statuses, ... } in the order of submission
        this.by_hash = new Map();
        this.open = new Set(); // inputs without a status: a soak has too many to look through them
        this.outputs = []; // { text, ledger_seq_no }
        this.session = 0;
        this.lcl = 0;
        this.last_nonce = 0;
        this.finishing = false;
    }

    /** Submits until stop(), whatever happens to the node. */
    start() {
        this.going = true;
        this.done = this.live();
        // Reported by stop(); a test may be busy elsewhere until then.
        this.done.catch(() => {});
    }

    /** Submits nothing more and ends the session. */
    async stop() {
        this.going = false;
        await this.done;
    }

    /** Submits nothing new, but stays until it knows what became of every input. */
    async finish() {
        this.finishing = true;
        const what = 'answer to every input';
        try {
            await until(() => this.unanswered().length === 0, { what });
        } finally {
            await this.stop();
        }
    }

    async live() {
        while (this.going) {
            const client = await this.connect();
            if (!client) {
                await sleep(retry_ms);
                continue;
            }
            try {
                await this.serve(client);
            } finally {
                this.absorb(client);
                this.last_nonce = client.last_nonce;
                await client.close();
                this.absorb(client);
            }
        }
    }

    async connect() {
        try {
            const client = await RawClient.login(this.node, this.options);
            this.options.keys = client.keys;
            this.session += 1;
            client.next_record = 0;
            client.last_nonce = Math.max(client.last_nonce, this.last_nonce);
            return client;
        } catch {
            return null; // the node is down or goes down
        }
    }

    async serve(client) {
        client.subscribe('ledger_event');
        client.send({ type: 'lcl' });
        const deadline = Date.now() + connect_timeout_ms;
        while (!client.messages('lcl_response').length) {
            if (client.end || Date.now() > deadline) return;
            await sleep(5);
        }
        this.absorb(client);
        for (const input of this.unanswered()) this.send(client, input);
        while (this.going && !client.end) {
            this.absorb(client);
            const full = this.unanswered().length >= unanswered_max;
            if (!full && !this.finishing) this.submit_next(client);
            await sleep(this.pause_ms());
        }
    }

    unanswered() {
        return [...this.open];
    }

    submit_next(client) {
        const number = this.inputs.length;
        const text = this.make_text(number);
        const built = client.make_input(text, { max: this.lcl + this.max_offset });
        const input = { ...built, text, number, sent: 0, statuses: [] };
        this.inputs.push(input);
        this.by_hash.set(input.hash, input);
        this.open.add(input);
        this.send(client, input);
    }

    send(client, input) {
        if (client.end) return;
        input.sent += 1;
        client.send(input.message);
    }

    /** Takes note of what came since the last call. */
    absorb(client) {
        for (; client.next_record < client.records.length; client.next_record += 1) {
            const record = client.records[client.next_record];
            if (record.decode_error) throw new Error(client.explain('a message cannot be decoded'));
            if (record.msg) this.on_message(client, record.msg);
        }
    }

    on_message(client, msg) {
        if (msg.type === 'lcl_response') this.lcl = msg.ledger_seq_no;
        if (msg.type === 'ledger_event' && msg.ledger) this.lcl = msg.ledger.seq_no;
        if (msg.type === 'contract_input_status') {
            const input = this.by_hash.get(msg.input_hash);
            if (!input) throw new Error(client.explain(`a status for an unknown input`));
            input.statuses.push(msg);
            this.open.delete(input);
        }
        if (msg.type === 'contract_output') {
            for (const output of msg.outputs) {
                const text = client.content_text(output);
                this.outputs.push({ text, ledger_seq_no: msg.ledger_seq_no });
            }
        }
    }
}
