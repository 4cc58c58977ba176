// SPDX-License-Identifier: Apache-2.0
//
// Keys, hashes and the output tree of the user protocol, as the tests understand them.
// Nothing here calls code of this project: a mistake shared by node and tests would hide itself.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const sodium = require('libsodium-wrappers');
const blake3 = require('blake3');
await sodium.ready;

const key_prefix = Buffer.from([0xed]);
const branching = 16;

export const zero_hash = '00'.repeat(32);

/** BLAKE3 over the plain concatenation of the parts. */
export function b3(...parts) {
    const hash = blake3.createHash();
    for (const part of parts) hash.update(Buffer.from(part));
    return Buffer.from(hash.digest());
}

export const b3_hex = (...parts) => b3(...parts).toString('hex');
export const empty_hash = b3_hex('');

/** Hash of a list as ledgers use it: an empty list is 32 zero bytes, not BLAKE3 of nothing. */
export const b3_list_hex = (list) => (list.length === 0 ? zero_hash : b3_hex(...list));

/** A fresh key pair, or the one of a 32-byte seed. `wire` is the 33-byte form with its prefix. */
export function make_keys(seed) {
    const pair = seed ? sodium.crypto_sign_seed_keypair(seed) : sodium.crypto_sign_keypair();
    const wire = Buffer.concat([key_prefix, Buffer.from(pair.publicKey)]);
    return {
        wire,
        hex: wire.toString('hex'),
        secret: Buffer.from(pair.privateKey),
        private_hex: Buffer.concat([key_prefix, Buffer.from(pair.privateKey)]).toString('hex'),
    };
}

export function sign(message, keys) {
    return Buffer.from(sodium.crypto_sign_detached(Buffer.from(message), keys.secret));
}

/** False, not an exception, for signatures and keys of a wrong length. */
export function verify(signature, message, wire_key) {
    if (signature.length !== 64 || wire_key.length !== 33 || wire_key[0] !== 0xed) return false;
    return sodium.crypto_sign_verify_detached(
        signature,
        Buffer.from(message),
        wire_key.subarray(1),
    );
}

export const output_hash_hex = (wire_key, outputs) => b3_hex(wire_key, ...outputs);

/** Root of the tree over `leaves` (hex, already ordered) with its nodes kept for collapsing. */
export function build_tree(leaves) {
    let level = leaves.map((hash) => ({ hash, children: null }));
    while (level.length > 1) {
        const parents = [];
        for (let at = 0; at < level.length; at += branching) {
            const group = level.slice(at, at + branching);
            if (group.length === 1) {
                parents.push(group[0]);
                continue;
            }
            const hash = b3_hex(...group.map((node) => Buffer.from(node.hash, 'hex')));
            parents.push({ hash, children: group });
        }
        level = parents;
    }
    return level[0];
}

/** Leaves of a round: user hashes ascending, then the state hash, which is not sorted in. */
export const tree_leaves = (user_hashes, state_hash) => [...user_hashes].sort().concat(state_hash);

/** The tree as one user receives it. */
export function collapse_tree(node, own_hash) {
    if (node.hash === own_hash && !node.children) return null;
    if (!node.children || !holds(node, own_hash)) return node.hash;
    return node.children.map((child) => collapse_tree(child, own_hash));
}

function holds(node, hash) {
    if (!node.children) return node.hash === hash;
    return node.children.some((child) => holds(child, hash));
}

/** Root a client computes from a received tree, and how many places of its own hash it saw. */
export function root_of_collapsed(tree, own_hash) {
    let own_count = 0;
    const visit = (item) => {
        if (Array.isArray(item)) return b3(...item.map(visit));
        if (item !== null) return Buffer.from(item, 'hex');
        own_count += 1;
        return Buffer.from(own_hash, 'hex');
    };
    return { root: visit(tree), own_count };
}

/** The last leaf: it sits at the end of the last group of every level. */
export function last_leaf(tree) {
    const last = tree[tree.length - 1];
    return Array.isArray(last) ? last_leaf(last) : last;
}
