// SPDX-License-Identifier: Apache-2.0
//
// The vectors of section 19: they check the test client itself, so that a failing conformance
// test points at the node and not at a mistake of the tests. No node is needed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
    b3_hex,
    build_tree,
    collapse_tree,
    empty_hash,
    last_leaf,
    make_keys,
    output_hash_hex,
    root_of_collapsed,
    sign,
    tree_leaves,
    verify,
} from '../lib/crypto.mjs';
import { bson } from '../lib/rawclient.mjs';
import { range } from '../lib/util.mjs';

const user = make_keys(Buffer.alloc(32, 1));
const node = make_keys(Buffer.alloc(32, 2));
const state_hash = '77'.repeat(32);
const single_byte_leaves = (count) => range(count).map((byte) => b3_hex(Buffer.from([byte])));

describe('section 19 vectors', () => {
    test('keys', () => {
        assert.equal(
            user.hex,
            'ed8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c',
        );
        assert.equal(
            node.hex,
            'ed8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394',
        );
        assert.equal(user.private_hex, `ed${'01'.repeat(32)}${user.hex.slice(2)}`);
    });

    test('challenge signatures', () => {
        assert.equal(
            sign('000102030405060708090a0b0c0d0e0f', user).toString('hex'),
            'ecb13f8bd09c586910d55a0bf258d92beccbe38d83f70cbfe7e89d3eaa65de3e' +
                '17c197c4b55ec55705fbc7b545edc3e62501dff518173cc0a9cf057314f67a08',
        );
        const message = '00112233445566778899aabbccddeeff3c349abe-4d70-4f50-9fa6-018f1f2530ab1.0';
        const signature = Buffer.from(
            'e6c5e035ecfe778fa7b8889141017c0b015fdbe48cb3f8fc74c1ec67c21c4ec2' +
                '71465a7d5aa91cef8648c4de75ff547d12af01140c3573b7580656dbaaf9a90f',
            'hex',
        );
        assert.deepEqual(sign(message, node), signature);
        assert.equal(verify(signature, message, node.wire), true);
        assert.equal(verify(signature, `${message}x`, node.wire), false);
        assert.equal(verify(signature.subarray(1), message, node.wire), false);
    });

    test('input containers and hashes', () => {
        const json = '{"input":"hello","nonce":1700000000000,"max_ledger_seq_no":110}';
        assert.equal(
            b3_hex(sign(json, user)),
            '342db8b5d139fa39d66d43339613c0539f7169243af7af816a183c77fb22de05',
        );
        const container = bson.serialize({
            input: new bson.Binary(Buffer.from('hello')),
            nonce: bson.Long.fromNumber(1700000000000),
            max_ledger_seq_no: bson.Long.fromNumber(110),
        });
        assert.equal(
            container.toString('hex'),
            '4000000005696e70757400050000000068656c6c6f126e6f6e6365000068e5cf8b01' +
                '0000126d61785f6c65646765725f7365715f6e6f006e0000000000000000',
        );
        assert.equal(
            b3_hex(sign(container, user)),
            '5d7a4064cc0aab6b809771d4e81d2694c59dac533575fb30eec15f09d63ad4de',
        );
        assert.equal(
            empty_hash,
            'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
        );
    });

    test('output tree of one user', () => {
        const own = output_hash_hex(user.wire, ['out1', 'out2']);
        assert.equal(own, '1e65980601bb4454420e73f4ac04d355d7d77bdf79f91e41c4843c3990c59901');
        const tree = build_tree(tree_leaves([own], state_hash));
        assert.equal(tree.hash, '0efc0cfa0287b5c9b6a0fe6426909730611ddfb111ff928520441d7a4ab1ca07');
        const collapsed = collapse_tree(tree, own);
        assert.deepEqual(collapsed, [null, state_hash]);
        assert.equal(last_leaf(collapsed), state_hash);
        const { root, own_count } = root_of_collapsed(collapsed, own);
        assert.equal(root.toString('hex'), tree.hash);
        assert.equal(own_count, 1);
        assert.equal(
            sign(root, node).toString('hex'),
            'e791292f26da727a78190842af98e86aa7391ce265d8aea3c6a07870fafeb218' +
                '16ae35c9838454cd06c5ffb5a509520dce8eb56b4c54e1809886f7158b098a09',
        );
    });

    test('output trees of 16 and 33 users', () => {
        const leaves = tree_leaves(single_byte_leaves(16), state_hash);
        assert.equal(leaves[0], '0bf6b955abb4968191ebf8869d03ae5f74aa0538ffdbddeafc970c507da7d71d');
        const tree = build_tree(leaves);
        assert.equal(tree.hash, 'ee3ac04fd73124a20226a4d4f83527757a2d9330b8708f0b405176ef9706c34f');
        assert.equal(
            tree.children[0].hash,
            'fdb1844f44efe5515b12a3a18b364d74909313fdb8f8e64b94b08b6ea92bb51b',
        );
        const collapsed = collapse_tree(tree, leaves[3]);
        assert.equal(collapsed.length, 2);
        assert.equal(collapsed[0].indexOf(null), 3);
        assert.equal(collapsed[1], state_hash);

        const larger = build_tree(tree_leaves(single_byte_leaves(33), state_hash));
        assert.equal(
            larger.hash,
            '772ad6d80fd59f9eee7d4ec4257140776e0b489078f0694e843d536a0645e197',
        );
    });
});
