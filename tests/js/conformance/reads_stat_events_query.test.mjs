// SPDX-License-Identifier: Apache-2.0
//
// Section 17, tests 54-63: read requests, stat, notifications and ledger queries.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { b3_list_hex, output_hash_hex, zero_hash } from '../lib/crypto.mjs';
import { NodePool } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip, range, sleep } from '../lib/util.mjs';

const silence_ms = 1000;
const bytes_max = 10000;
const int32_max = 2147483647;
const binary_subtype = 0x80;

const ledger_fields = [
    'config_hash',
    'hash',
    'input_hash',
    'output_hash',
    'prev_hash',
    'seq_no',
    'state_hash',
    'timestamp',
    'user_hash',
];
// A node may add fields of its own; clients ignore them.
const stat_fields = [
    'contract_execution_enabled',
    'current_unl',
    'hp_version',
    'is_full_history_node',
    'ledger_hash',
    'ledger_seq_no',
    'peers',
    'read_requests_enabled',
    'round_time',
    'vote_status',
    'weakly_connected',
];
const hash_fields = ledger_fields.filter((name) => name.endsWith('hash'));

const nodes = new NodePool({
    plain: {},
    // As `hpnode new` makes it, apart from ports and contract.
    defaults: { config: { node: { pace: 'auto' }, contract: { consensus: { roundtime: 1000 } } } },
    no_reads: {
        config: {
            user: { concurrent_read_requests: 0 },
            contract: { consensus: { mode: 'public' } },
        },
    },
    small: { config: { user: { max_bytes_per_msg: bytes_max } } },
});

async function read_text(client, id, content) {
    const from = client.mark();
    client.read(id, content);
    const matches = (msg) => msg.type === 'contract_read_response' && msg.reply_for === id;
    const record = await client.wait(matches, { from, what: `response to read ${id}` });
    return client.content_text(record.msg.content);
}

/** An accepted input with its echo, and the ledgers that hold them. */
async function recorded_echo(client, text) {
    const { built, status, output } = await client.echo(text);
    return { built, text, in_seq_no: status.ledger_seq_no, out_seq_no: output.ledger_seq_no };
}

describe('17 reads, stat, events, query', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const protocol of ['json', 'bson']) {
        scoped_test(`17.54 a read is answered with its id (${protocol})`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'), { protocol });
            assert.equal(await read_text(client, 'r1', 'hello'), 'hello');
            assert.equal(await read_text(client, '', 'empty id'), 'empty id');
        });

        scoped_test(`17.54 (15.57) three outputs, three responses (${protocol})`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'), { protocol });
            client.read('r3', 'multi:3');
            const records = await client.wait_count(3, 'contract_read_response');
            assert.deepEqual(
                records.map((record) => record.msg.reply_for),
                ['r3', 'r3', 'r3'],
            );
            assert.equal(await read_text(client, 'next', 'hello'), 'hello');
            assert.equal(client.messages('contract_read_response').length, 4);
        });
    }

    scoped_test('17.54 a read changes nothing and appears in no ledger', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        client.subscribe('ledger_event');
        await read_text(client, 'r1', 'hello');
        const ledger = await client.next_ledger();
        const result = (await client.query(ledger.seq_no, ['inputs'])).results[0];
        const own = result.inputs.filter((input) => input.pubkey === client.keys.hex);
        assert.deepEqual(own, []);
        assert.deepEqual(client.messages('contract_output'), []);
    });

    scoped_test('17.55 (15.57) a contract that writes nothing: no response', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const from = client.mark();
        client.read('silent', 'none');
        await sleep(silence_ms);
        assert.deepEqual(client.received(from), []);
        assert.equal(await read_text(client, 'loud', 'hello'), 'hello');
    });

    scoped_test('17.55 (15.58) disabled reads cause no response, stat says so', async (scope) => {
        const client = await scope.login(await nodes.get('no_reads'));
        const from = client.mark();
        client.read('r1', 'hello');
        client.send({ type: 'contract_read_request', id: 5, content: 5 });
        await sleep(silence_ms);
        assert.deepEqual(client.received(from), []);
        assert.equal((await client.stat()).read_requests_enabled, false);
        const enabled = await scope.login(await nodes.get('plain'));
        assert.equal((await enabled.stat()).read_requests_enabled, true);
    });

    const bad_reads = {
        'no id': { content: 'x' },
        'id a number': { id: 5, content: 'x' },
        'no content': { id: 'r' },
        'content a number': { id: 'r', content: 5 },
    };
    for (const [name, fields] of Object.entries(bad_reads)) {
        scoped_test(`17.55 bad read request, ${name}: bad_msg_format`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'));
            client.send({ type: 'contract_read_request', ...fields });
            const { msg } = await client.wait('contract_input_status');
            assert.equal(msg.reason, 'bad_msg_format');
            assert.equal(msg.input_hash, '');
        });
    }

    scoped_test('17.55 BSON read content must be binary', async (scope) => {
        const client = await scope.login(await nodes.get('plain'), { protocol: 'bson' });
        client.send({ type: 'contract_read_request', id: 'r', content: 'text' });
        assert.equal((await client.wait('contract_input_status')).msg.reason, 'bad_msg_format');
    });

    const ids = ['a"b', 'back\\slash', 'line\nbreak', '"},{"', 'ä€😀', '\u0001'];
    for (const id of ids) {
        scoped_test(`17.56 read id ${JSON.stringify(id)} comes back unchanged`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'));
            assert.equal(await read_text(client, id, 'hello'), 'hello');
            const result = await client.query(0, [], id);
            assert.equal(result.reply_for, id);
        });
    }

    for (const protocol of ['json', 'bson']) {
        scoped_test(`17.57 stat has its fields (${protocol})`, async (scope) => {
            const node = await nodes.get('defaults');
            const client = await scope.login(node, { protocol });
            const stat = await client.stat();
            for (const name of stat_fields) assert.ok(name in stat, `no ${name}`);
            assert.equal(stat.round_time, 1000);
            assert.equal(stat.hp_version, client.challenge.hp_version);
            assert.ok(Number.isInteger(stat.ledger_seq_no));
            assert.match(stat.ledger_hash, /^[0-9a-f]{64}$/);
            assert.ok(['unknown', 'unreliable', 'desync', 'synced'].includes(stat.vote_status));
            assert.equal(stat.contract_execution_enabled, true);
            assert.equal(stat.read_requests_enabled, true);
            assert.equal(stat.is_full_history_node, false);
            assert.equal(stat.weakly_connected, false);
            assert.deepEqual(stat.current_unl, [node.cfg.node.public_key]);
            assert.deepEqual(stat.peers, []);
        });

        scoped_test(`17.58 ledger_created events chain (${protocol})`, async (scope) => {
            const node = await nodes.get('plain');
            const client = await scope.login(node, { protocol });
            const clock = await scope.login(node);
            clock.subscribe('ledger_event');
            client.subscribe('ledger_event');
            const is_ledger = (msg) =>
                msg.type === 'ledger_event' && msg.event === 'ledger_created';
            const records = await client.wait_count(4, is_ledger, { what: 'ledger_created' });
            const ledgers = records.map((record) => record.msg.ledger);
            for (const ledger of ledgers) {
                assert.deepEqual(Object.keys(ledger).sort(), ledger_fields);
                for (const name of hash_fields) assert.match(ledger[name], /^[0-9a-f]{64}$/, name);
            }
            for (const at of range(ledgers.length - 1)) {
                assert.equal(ledgers[at + 1].seq_no, ledgers[at].seq_no + 1);
                assert.equal(ledgers[at + 1].prev_hash, ledgers[at].hash);
                assert.ok(ledgers[at + 1].timestamp > ledgers[at].timestamp);
            }

            client.subscribe('ledger_event', false);
            await client.lcl();
            const from = client.mark();
            await clock.wait_count(4, is_ledger, { from: clock.mark(), what: 'ledger_created' });
            assert.deepEqual(client.received(from), []);
        });
    }

    scoped_test('17.58 user_hash and input_hash of a ledger', async (scope) => {
        const client = await scope.login(await nodes.get('defaults'));
        client.subscribe('ledger_event');
        const { in_seq_no } = await recorded_echo(client, 'hashed');
        const ledger = await client.next_ledger({
            from: 0,
            where: (item) => item.seq_no === in_seq_no,
        });
        const { inputs } = (await client.query(in_seq_no, ['inputs'])).results[0];
        const input_hashes = inputs.map((input) => Buffer.from(input.hash, 'hex'));
        assert.equal(ledger.input_hash, b3_list_hex(input_hashes));
        assert.notEqual(ledger.user_hash, zero_hash);
    });

    scoped_test('17.59 BSON integers and hashes have the documented types', async (scope) => {
        const client = await scope.login(await nodes.get('plain'), { protocol: 'bson' });
        client.subscribe('ledger_event');
        const nonces = [5, 2 ** 40];
        const inputs = [];
        for (const nonce of nonces) {
            const built = await client.submit(`nonce ${nonce}`, { nonce });
            inputs.push({ nonce, status: await client.wait_accepted(built.hash) });
            await client.wait_output(`nonce ${nonce}`);
        }
        await client.lcl();
        await client.stat();
        for (const { nonce, status } of inputs) {
            await client.query(status.ledger_seq_no, ['inputs'], `nonce ${nonce}`);
            const doc = client.messages('ledger_query_result').at(-1).doc;
            const own = doc.results[0].inputs.find(
                (item) => item.nonce.toString() === String(nonce),
            );
            assert.ok(own, `no input with nonce ${nonce} in the ledger`);
            assert.equal(own.nonce._bsontype, nonce <= int32_max ? 'Int32' : 'Long');
        }
        const ledger = client.messages('ledger_event').find((item) => item.msg.ledger).doc.ledger;
        assert.equal(ledger.timestamp._bsontype, 'Long');
        assert.equal(ledger.seq_no._bsontype, 'Int32');

        // Every value of every BSON message obeys the rules.
        for (const record of client.records) if (record.doc) check_bson_types(record.doc);
    });

    scoped_test('17.60 ledger 0 is the genesis, all zeros', async (scope) => {
        for (const protocol of ['json', 'bson']) {
            const client = await scope.login(await nodes.get('plain'), { protocol });
            const reply = await client.query(0, ['inputs', 'outputs']);
            assert.equal(reply.error, null);
            assert.equal(reply.results.length, 1);
            const [genesis] = reply.results;
            assert.equal(genesis.seq_no, 0);
            assert.equal(genesis.timestamp, 0);
            for (const name of hash_fields) assert.equal(genesis[name], zero_hash, name);
            assert.deepEqual(genesis.inputs, []);
            assert.deepEqual(genesis.outputs, []);
        }
    });

    scoped_test('17.60 a known ledger holds its inputs and outputs', async (scope) => {
        const writer = await scope.login(await nodes.get('plain'));
        const { built, text, in_seq_no, out_seq_no } = await recorded_echo(writer, 'recorded ä');
        const blob = Buffer.from(text).toString('hex');
        const hash = output_hash_hex(writer.keys.wire, [text]);
        const reply = await writer.query(in_seq_no, ['inputs', 'outputs']);
        assert.equal(reply.error, null);
        const [in_ledger] = reply.results;
        assert.ok(Array.isArray(in_ledger.outputs));
        assert.deepEqual(
            in_ledger.inputs.filter((item) => item.pubkey === writer.keys.hex),
            [{ pubkey: writer.keys.hex, hash: built.hash, nonce: built.nonce, blob }],
        );
        const [out_ledger] = (await writer.query(out_seq_no, ['outputs'])).results;
        assert.ok(!('inputs' in out_ledger), 'inputs were not requested');
        assert.deepEqual(
            out_ledger.outputs.filter((item) => item.pubkey === writer.keys.hex),
            [{ pubkey: writer.keys.hex, hash, blobs: [blob] }],
        );
        const [bare] = (await writer.query(in_seq_no, [])).results;
        assert.deepEqual(Object.keys(bare).sort(), ledger_fields);
        const [tolerant] = (await writer.query(in_seq_no, ['inputs', 'unknown', 5])).results;
        assert.ok('inputs' in tolerant);

        // The same user sees the same in BSON.
        await writer.close();
        const reader = await scope.login(await nodes.get('plain'), {
            keys: writer.keys,
            protocol: 'bson',
        });
        const bson_reply = await reader.query(in_seq_no, ['inputs', 'outputs']);
        const { type, reply_for: id, ...content } = bson_reply;
        assert.equal(type, 'ledger_query_result');
        assert.deepEqual(content, { error: null, results: reply.results }, `query ${id}`);
    });

    for (const protocol of ['json', 'bson']) {
        for (const include of [[], ['inputs'], ['inputs', 'outputs']]) {
            const title = `${protocol}, include [${include}]`;
            scoped_test(
                `17.61 a query for a missing ledger is answered (${title})`,
                async (scope) => {
                    const client = await scope.login(await nodes.get('plain'), { protocol });
                    const reply = await client.query(99999999, include);
                    assert.ok([null, 'exec_failure'].includes(reply.error), reply.error);
                    assert.deepEqual(reply.results, []);
                    await client.lcl();
                },
            );
        }
    }

    scoped_test('17.62 private mode hides blobs of other users', async (scope) => {
        const node = await nodes.get('plain');
        const writer = await scope.login(node);
        const { built, text, in_seq_no, out_seq_no } = await recorded_echo(writer, 'secret');
        for (const protocol of ['json', 'bson']) {
            const other = await scope.login(node, { protocol });
            const [in_ledger] = (await other.query(in_seq_no, ['inputs'])).results;
            assert.deepEqual(
                in_ledger.inputs.find((item) => item.pubkey === writer.keys.hex),
                {
                    pubkey: writer.keys.hex,
                    hash: built.hash,
                    nonce: built.nonce,
                    blob: '',
                },
            );
            const [out_ledger] = (await other.query(out_seq_no, ['outputs'])).results;
            assert.deepEqual(
                out_ledger.outputs.find((item) => item.pubkey === writer.keys.hex),
                {
                    pubkey: writer.keys.hex,
                    hash: output_hash_hex(writer.keys.wire, [text]),
                    blobs: [],
                },
            );
        }
    });

    scoped_test('17.62 public mode shows blobs of other users', async (scope) => {
        const node = await nodes.get('no_reads');
        const writer = await scope.login(node);
        const { text, in_seq_no, out_seq_no } = await recorded_echo(writer, 'no secret');
        const blob = Buffer.from(text).toString('hex');
        const other = await scope.login(node);
        const [in_ledger] = (await other.query(in_seq_no, ['inputs'])).results;
        assert.equal(in_ledger.inputs.find((item) => item.pubkey === writer.keys.hex)?.blob, blob);
        const [out_ledger] = (await other.query(out_seq_no, ['outputs'])).results;
        const own = out_ledger.outputs.find((item) => item.pubkey === writer.keys.hex);
        assert.deepEqual(own?.blobs, [blob]);
    });

    for (const protocol of ['json', 'bson']) {
        scoped_test(
            `17.63 a reply above max_bytes_per_msg is harmless (${protocol})`,
            async (scope) => {
                const node = await nodes.get('small');
                const client = await scope.login(node, { protocol, local_address: fresh_ip() });
                const other = await scope.login(node);
                client.read('large', `big:${bytes_max * 2}`);
                client.read('huge', `big:${6 * 1024 * 1024}`);
                const built = await client.submit(`big:${bytes_max * 2}`);
                await client.wait_accepted(built.hash);
                await other.echo('alive');
                assert.equal(await read_text(other, 'r', 'alive'), 'alive');
                assert.ok(node.running);
                // The reply may be dropped or delivered, the session goes on either way.
                await client.lcl();
            },
        );
    }
});

function check_bson_types(value, name = 'message') {
    if (Array.isArray(value)) {
        value.forEach((item, at) => check_bson_types(item, `${name}[${at}]`));
        return;
    }
    if (value === null || typeof value !== 'object') return;
    if (value._bsontype === 'Binary') {
        assert.equal(value.sub_type, binary_subtype, name);
    } else if (value._bsontype === 'Long') {
        assert.ok(value.greaterThan(int32_max), `${name} fits into 32 bits`);
    } else if (value._bsontype) {
        assert.equal(value._bsontype, 'Int32', name);
    } else {
        for (const [key, item] of Object.entries(value)) check_bson_types(item, `${name}.${key}`);
    }
}
