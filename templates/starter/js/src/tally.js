// SPDX-License-Identifier: Apache-2.0
// The requests: get, add N, set TEXT. Nothing here may depend on time, chance or the machine,
// because every node of the cluster must come to the same answer.

'use strict';

const TEXT_BYTES_MAX = 1024; // one user must not fill every node's disk
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

const error = (what) => JSON.stringify({ error: what });

// The total has 64 bits, more than a number of JavaScript can hold.
const answer = ({ total, text }) => `{"total":${total},"text":${JSON.stringify(text)}}`;

const fits = (number) => number >= MIN && number <= MAX;

function add(state, text) {
    const n = /^-?\d+$/.test(text) ? BigInt(text) : null;
    if (n === null || !fits(n)) return error('add needs a whole number');
    if (!fits(state.total + n)) return error('the total would be out of range');
    state.total += n;
    return answer(state);
}

function set(state, bytes) {
    if (bytes.length > TEXT_BYTES_MAX) {
        return error(`text is longer than ${TEXT_BYTES_MAX} bytes`);
    }
    try {
        const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
        state.text = decoder.decode(bytes);
    } catch {
        return error('text is not UTF-8');
    }
    return answer(state);
}

/** Carries out one request, changes `state` and returns the answer, a JSON text. */
function handle(state, bytes, readonly) {
    const request = bytes.toString('latin1');
    if (request === 'get') return answer(state);
    const verb = /^(add|set) /.exec(request)?.[1];
    if (!verb) return error('unknown request; try get, add N or set TEXT');
    if (readonly) return error('a read request cannot change state; send this as an input');
    const argument = bytes.subarray(verb.length + 1);
    return verb === 'add' ? add(state, argument.toString('latin1')) : set(state, argument);
}

module.exports = { handle };
