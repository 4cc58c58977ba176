// SPDX-License-Identifier: Apache-2.0
//
// Section 17, tests 46-53: outputs, their form in JSON and BSON, hash tree and signatures.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import {
    build_tree,
    collapse_tree,
    last_leaf,
    output_hash_hex,
    root_of_collapsed,
    tree_leaves,
    verify,
} from '../lib/crypto.mjs';
import { NodePool } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range } from '../lib/util.mjs';

const binary_subtype = 0x80;
const crowd_sizes = [3, 16, 17, 33];
const attempts_max = 5;

const nodes = new NodePool({
    plain: {},
    // Its outputs belong to one test only, so that the whole tree is known.
    crowd: { config: { contract: { consensus: { roundtime: 600 } } } },
    lone: {},
});

/** Makes the contract output exactly these bytes and returns the record of the output message. */
async function output_bytes(client, bytes) {
    const built = await client.submit(`raw:${Buffer.from(bytes).toString('hex')}`);
    await client.wait_accepted(built.hash);
    const from = built.from;
    return client.wait('contract_output', { from, what: `output of ${JSON.stringify(bytes)}` });
}

/** Like output_bytes, for bytes that might make the whole message undecodable. */
async function read_bytes(client, id, bytes) {
    const from = client.mark();
    client.read(id, `raw:${Buffer.from(bytes).toString('hex')}`);
    return client.wait('contract_read_response', {
        from,
        what: `read of ${JSON.stringify(bytes)}`,
    });
}

describe('17 outputs', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const protocol of ['json', 'bson']) {
        scoped_test(`17.46 echo, one ledger after acceptance (${protocol})`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'), { protocol });
            const { status, output } = await client.echo('hello');
            assert.equal(output.ledger_seq_no, status.ledger_seq_no + 1);
            assert.deepEqual(
                output.outputs.map((item) => client.content_text(item)),
                ['hello'],
            );
            assert.equal(output.output_hash, output_hash_hex(client.keys.wire, ['hello']));
            const query = await client.query(output.ledger_seq_no);
            assert.equal(output.ledger_hash, query.results[0].hash);
        });

        scoped_test(`17.47 root and signatures of the hash tree (${protocol})`, async (scope) => {
            const node = await nodes.get('plain');
            const client = await scope.login(node, { protocol });
            const { output } = await client.echo('signed');
            const { root, own_count } = root_of_collapsed(output.hash_tree, output.output_hash);
            assert.equal(own_count, 1);
            const ledger = (await client.query(output.ledger_seq_no)).results[0];
            assert.equal(root.toString('hex'), ledger.output_hash);
            assert.equal(output.unl_sig.length, 1);
            const [key, sig] = output.unl_sig[0];
            assert.equal(key, node.cfg.node.public_key);
            assert.ok(verify(Buffer.from(sig, 'hex'), root, Buffer.from(key, 'hex')));
        });
    }

    scoped_test('17.46 several outputs of one user are one hash over all bytes', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const built = await client.submit('multi:3');
        await client.wait_accepted(built.hash);
        const { msg } = await client.wait('contract_output');
        assert.equal(msg.outputs.length, 3);
        const contents = msg.outputs.map((item) => client.content_bytes(item));
        assert.equal(msg.output_hash, output_hash_hex(client.keys.wire, contents));
    });

    /** All users submit right after a ledger; true when one ledger took every input. */
    async function crowd_round(watcher, users, title) {
        const max = await watcher.farthest_ledger();
        const inputs = users.map((user) => user.make_input(`${title} ${user.label}`, { max }));
        await watcher.next_ledger();
        users.forEach((user, index) => user.send_input(inputs[index]));
        const statuses = await Promise.all(
            users.map((user, index) => user.wait_accepted(inputs[index].hash)),
        );
        const outputs = await Promise.all(
            users.map((user, index) => user.wait_output(inputs[index].input)),
        );
        const ledgers = new Set(statuses.map((status) => status.ledger_seq_no));
        return { together: ledgers.size === 1, seq_no: [...ledgers][0], outputs, inputs };
    }

    scoped_test('17.48 trees of 3, 16, 17 and 33 users', async (scope) => {
        const node = await nodes.get('crowd');
        const watcher = await scope.login(node);
        watcher.subscribe('ledger_event');
        const users = await Promise.all(
            range(Math.max(...crowd_sizes)).map(() => scope.login(node)),
        );
        for (const size of crowd_sizes) {
            const members = users.slice(0, size);
            let round;
            for (let attempt = 0; !round?.together; attempt += 1) {
                assert.ok(attempt < attempts_max, `${size} inputs never shared a ledger`);
                round = await crowd_round(watcher, members, `crowd ${size} ${attempt}`);
            }
            const ledger = (await watcher.query(round.seq_no + 1)).results[0];
            const own_hashes = members.map((user, index) =>
                output_hash_hex(user.keys.wire, [round.inputs[index].input]),
            );
            const tree = build_tree(tree_leaves(own_hashes, ledger.state_hash));
            assert.equal(ledger.output_hash, tree.hash, `root for ${size} users`);
            round.outputs.forEach((output, index) => {
                assert.equal(output.ledger_seq_no, round.seq_no + 1);
                assert.equal(output.output_hash, own_hashes[index]);
                assert.deepEqual(output.hash_tree, collapse_tree(tree, own_hashes[index]));
                const { root } = root_of_collapsed(output.hash_tree, own_hashes[index]);
                assert.equal(root.toString('hex'), tree.hash, `root of user ${index} of ${size}`);
            });
        }
    });

    scoped_test('17.49 the last leaf is the state hash of the delivering ledger', async (scope) => {
        const client = await scope.login(await nodes.get('lone'));
        client.subscribe('ledger_event');
        const { output } = await client.echo('state');
        const { ledger_seq_no: seq_no, hash_tree } = output;
        const ledger = await client.next_ledger({
            from: 0,
            where: (item) => item.seq_no === seq_no,
        });
        assert.equal(last_leaf(hash_tree), ledger.state_hash);
        assert.deepEqual(hash_tree, [null, ledger.state_hash]);
        // The echo of the one user in the ledger: nothing else can be in the tree.
        const later = await client.next_ledger({ from: 0, where: (item) => item.seq_no > seq_no });
        assert.equal(later.output_hash, '00'.repeat(32));
    });

    // Contract bytes and the form they have in the JSON message.
    const json_forms = [
        ['plain', '"plain"'],
        ['123', '123'],
        ['1.5', '1.5'],
        ['0', '0'],
        ['true', 'true'],
        ['false', 'false'],
        ['{"a":1}', '{"a":1}'],
        ['{"a": 1, "b":[2 ,3]}', '{"a": 1, "b":[2 ,3]}'],
        ['[1,"x"]', '[1,"x"]'],
        ['"quoted"', '"quoted"'],
        ['null', '"null"'],
        ['-5', '"-5"'],
        ['1e5', '"1e5"'],
        [' 5', '" 5"'],
        ['', '""'],
        ['a"b\\c', '"a\\"b\\\\c"'],
        ['tab\tline\nend', '"tab\\tline\\nend"'],
        ['ä/€', '"ä/€"'],
    ];
    for (const [content, form] of json_forms) {
        const title = `${JSON.stringify(content)} is ${form} in JSON`;
        scoped_test(`17.50 (15.37) ${title}`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'));
            const record = await output_bytes(client, content);
            assert.ok(record.text.includes(`"outputs":[${form}]`), record.text);
            assert.equal(record.msg.output_hash, output_hash_hex(client.keys.wire, [content]));
            const read = await read_bytes(client, 'r', content);
            assert.ok(read.text.includes(`"content":${form}`), read.text);
        });
    }

    scoped_test('17.50 control bytes are escaped in JSON', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const content = '\u0001\u001f\u007f\b\f\r';
        const { msg } = await output_bytes(client, content);
        assert.deepEqual(msg.outputs, [content]);
        assert.equal(msg.output_hash, output_hash_hex(client.keys.wire, [content]));
    });

    const deceptive = [
        '007',
        '.5',
        '5.',
        '.',
        '{bad}',
        '"x","y"',
        '"',
        '[1,',
        '[1]],[[2]',
        '{"a":1},{"b":2}',
        '"x","type":"lcl_response","y":"z"',
        '"bad \\x escape"',
        '"raw\nline"',
    ];
    for (const content of deceptive) {
        const title = `${JSON.stringify(content)} is one JSON string`;
        scoped_test(`17.51 (15.38) ${title}`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'));
            const { msg } = await output_bytes(client, content);
            assert.deepEqual(msg.outputs, [content]);
            assert.equal(msg.output_hash, output_hash_hex(client.keys.wire, [content]));
            const read = await read_bytes(client, 'r', content);
            assert.deepEqual(read.msg, {
                type: 'contract_read_response',
                reply_for: 'r',
                content,
            });
        });
    }

    scoped_test('17.52 bytes that are no UTF-8 arrive unchanged in BSON', async (scope) => {
        const client = await scope.login(await nodes.get('plain'), { protocol: 'bson' });
        const bytes = Buffer.from([0xff, 0xfe, 0x41, 0x00]);
        const record = await output_bytes(client, bytes);
        const [output] = record.doc.outputs;
        assert.equal(output._bsontype, 'Binary');
        assert.equal(output.sub_type, binary_subtype);
        assert.deepEqual(Buffer.from(output.value(true)), bytes);
        assert.equal(record.msg.output_hash, output_hash_hex(client.keys.wire, [bytes]));
        const read = await read_bytes(client, 'r', bytes);
        assert.equal(read.doc.content.sub_type, binary_subtype);
        assert.deepEqual(client.content_bytes(read.msg.content), bytes);
    });

    scoped_test('17.53 unl_sig holds one valid signature per UNL key', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const { current_unl: unl } = await client.stat();
        for (const text of ['one', 'two', 'three']) {
            const { output } = await client.echo(text);
            const { root } = root_of_collapsed(output.hash_tree, output.output_hash);
            assert.ok(output.unl_sig.length > 0);
            for (const [key, sig] of output.unl_sig) {
                assert.ok(unl.includes(key), `${key} is not in the UNL`);
                assert.ok(verify(Buffer.from(sig, 'hex'), root, Buffer.from(key, 'hex')));
            }
            const keys = output.unl_sig.map(([key]) => key);
            assert.equal(new Set(keys).size, keys.length);
        }
    });
});
