// SPDX-License-Identifier: Apache-2.0
//
// Waiting, small statistics and free ports. Waits are for conditions, with a deadline that only
// decides when a test gives up; no test passes because a fixed time went by.

import net from 'node:net';

// When a test gives up. What it waits for takes a fraction of this, but a busy machine is slow, and
// where all is well nobody waits longer for it.
export const patience_ms = 60000;

// Nodes end any connection that is silent for this long before its login. One that broke a rule has
// to be gone earlier, or nobody has noticed.
export const silence_ms = 5000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `probe` returns something truthy and returns it. */
export async function until(
    probe,
    { timeout_ms = patience_ms, every_ms = 25, what = 'a condition' } = {},
) {
    const deadline = Date.now() + timeout_ms;
    for (;;) {
        const value = await probe();
        if (value) return value;
        if (Date.now() > deadline) throw new Error(`no ${what} within ${timeout_ms} ms`);
        await sleep(every_ms);
    }
}

/** The promise's value, or an error once `timeout_ms` have passed. */
export function within(promise, timeout_ms, what) {
    let timer;
    const expiry = new Promise((_, reject) => {
        timer = setTimeout(() => {
            reject(new Error(`${what} did not happen within ${timeout_ms} ms`));
        }, timeout_ms);
    });
    return Promise.race([promise, expiry]).finally(() => clearTimeout(timer));
}

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
}

/** A reproducible source of numbers in [0, 1): mulberry32. */
export function make_random(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

/** HP_SEED, or a new seed every time. */
export const chosen_seed = () =>
    Number(process.env.HP_SEED ?? Math.floor(Math.random() * 2 ** 32)) >>> 0;

export const range = (count) => Array.from({ length: count }, (_, index) => index);

// Below the kernel's ephemeral range, so that outgoing connections of other tests cannot sit on a
// port between its choice and the node's bind; each process starts elsewhere.
const port_min = 20000;
const port_span = 6000;
let next_port = (process.pid * 61) % port_span;

/**
 * A port for a node of this process alone, as long as the process lives: also while the node is
 * stopped. On a port that two test processes gave away, one node would be tested for the other.
 */
export async function free_port() {
    for (let tries = 0; tries < port_span; tries += 1) {
        const port = port_min + next_port;
        next_port = (next_port + 1) % port_span;
        // Who listens on the twin of a port owns the port; the kernel ends that with the process.
        const twin = await listen_on(port + port_span, '127.0.0.1');
        const probe = twin && (await listen_on(port, '0.0.0.0'));
        if (probe) {
            await new Promise((resolve) => {
                probe.close(resolve);
            });
            return port;
        }
        twin?.close();
    }
    throw new Error('no free loopback port');
}

/** A listener that keeps no process alive; null where somebody else is. */
function listen_on(port, host) {
    return new Promise((resolve) => {
        const server = net.createServer((socket) => socket.destroy());
        server.unref();
        server.once('error', () => resolve(null));
        server.listen({ port, host, exclusive: true }, () => resolve(server));
    });
}

// The node counts faults per source address. Loopback offers a whole /8, so every client that is
// going to misbehave gets an address of its own and cannot ban another test.
let next_host = 1;

export function fresh_ip() {
    const host = next_host;
    next_host += 1;
    return `127.7.${1 + Math.floor(host / 250)}.${1 + (host % 250)}`;
}
