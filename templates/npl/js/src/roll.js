// SPDX-License-Identifier: Apache-2.0
// Three exchanges of messages:
//   commit   every node draws a secret and says its hash, so nobody can choose one to suit others
//   reveal   every node says its secret; those that fit their hash make the number
//   vote     every node says the number it came to, because not all need have heard the same
// The number of more than two thirds of the UNL counts, on those that came to another one, too.
// Nodes that are silent cost one time limit, and more than a third of them the agreement.

'use strict';

const crypto = require('crypto');

const hash_of = (text) => crypto.createHash('sha256').update(text).digest('hex');

/** Keeps the first message of each node on each topic, whenever it comes. */
class Exchange {
    #heard = new Map();
    #wake = () => {};

    constructor(ctx) {
        this.ctx = ctx;
        ctx.unl.onMessage((node, message) => {
            const [topic, text] = message.toString().split(' ');
            const texts = this.texts_on(topic);
            if (node && !texts.has(node.publicKey)) texts.set(node.publicKey, text);
            this.#wake();
        });
    }

    texts_on(topic) {
        if (!this.#heard.has(topic)) this.#heard.set(topic, new Map());
        return this.#heard.get(topic);
    }

    /** Says `text` and waits until `wanted` nodes have said something, or for the time limit. */
    async run(topic, text, timeout_ms, wanted) {
        await this.ctx.unl.send(`${topic} ${text}`);
        const texts = this.texts_on(topic);
        await new Promise((resolve) => {
            const timer = setTimeout(resolve, timeout_ms);
            this.#wake = () => {
                if (texts.size < wanted) return;
                clearTimeout(timer);
                resolve();
            };
            this.#wake();
        });
        return new Map([...texts].sort(([a], [b]) => (a < b ? -1 : 1)));
    }
}

/** The number as 64 hex digits; undefined if there is no agreement. */
async function agree(ctx) {
    // One round for each exchange at most. They take that long only when a node is silent.
    const timeout_ms = (await ctx.getConfig()).consensus.roundtime;
    // Chance is welcome here, because it is agreed on before it is used.
    const secret = crypto.randomBytes(32).toString('hex');
    const exchange = new Exchange(ctx);
    const commits = await exchange.run('commit', hash_of(secret), timeout_ms, ctx.unl.count());
    const reveals = await exchange.run('reveal', secret, timeout_ms, commits.size);

    let all = ''; // in the order of the nodes' keys
    for (const [node, revealed] of reveals) {
        if (commits.get(node) === hash_of(revealed)) all += revealed;
    }
    const counts = new Map();
    const votes = await exchange.run('vote', hash_of(all), timeout_ms, commits.size);
    for (const number of votes.values()) counts.set(number, (counts.get(number) ?? 0) + 1);
    for (const [number, count] of counts) {
        if (3 * count > 2 * ctx.unl.count() && /^[0-9a-f]{64}$/.test(number)) return number;
    }
    return undefined;
}

module.exports = { agree };
