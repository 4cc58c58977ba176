// SPDX-License-Identifier: Apache-2.0
//
// Section 17, tests 31-45: what happens to an input.
// "At once" is checked by order, not by time: replies of a session share one queue, so a status
// that is decided at once comes before the reply to an `lcl` request sent after the input.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { b3_hex, empty_hash, make_keys } from '../lib/crypto.mjs';
import { NodePool } from '../lib/node.mjs';
import { bson } from '../lib/rawclient.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { range, sleep } from '../lib/util.mjs';

const offset_max = 10;
const input_bytes_max = 100;
const attempts_max = 6;

const nodes = new NodePool({
    plain: { config: { contract: { consensus: { roundtime: 350 } } } },
    // Long rounds, for tests that have to do several things within one.
    slow: {
        config: {
            contract: { consensus: { roundtime: 2000 }, max_input_ledger_offset: offset_max },
        },
    },
    limited: {
        config: { contract: { round_limits: { user_input_bytes: input_bytes_max } } },
    },
});

/** Sends the input and an `lcl` request; the status that came before the reply, if any. */
async function status_at_once(client, built) {
    client.send_input(built);
    await client.lcl();
    const barrier = client.records.findLast((record) => record.msg?.type === 'lcl_response').index;
    const found = client.statuses(built.hash).find((record) => {
        return record.index >= built.from && record.index < barrier;
    });
    return found?.msg;
}

/** Runs `run(lcl)` until no ledger was closed meanwhile, and returns what it returned. */
async function within_one_ledger(client, run) {
    for (let attempt = 1; ; attempt += 1) {
        const before = (await client.lcl()).ledger_seq_no;
        const result = await run(before);
        const now = (await client.lcl()).ledger_seq_no;
        if (now === before) return result;
        assert.ok(attempt < attempts_max, 'a ledger was closed during every attempt');
    }
}

/**
 * Sends inputs of a new user right after a ledger and waits for their statuses, until `is_settled`
 * accepts these. Signatures are verified beside everything else, so that a ledger may close between
 * two inputs whatever the client does.
 */
async function in_same_ledger(scope, node, make_inputs, is_settled) {
    const seen = [];
    while (seen.length < attempts_max) {
        const client = await scope.login(node);
        client.subscribe('ledger_event');
        const { seq_no } = await client.next_ledger();
        const inputs = make_inputs(client, seq_no + 9);
        for (const built of inputs) client.send_input(built);
        const statuses = [];
        for (const built of inputs) statuses.push(await client.wait_status(built.hash));
        if (is_settled(...statuses)) return { client, statuses };
        seen.push(statuses.map((status) => status.reason ?? status.ledger_seq_no).join(' and '));
    }
    assert.fail(`the inputs never met in a ledger as they should: ${seen.join('; ')}`);
}

const is_accepted = (status) => status.status === 'accepted';
const share_ledger = (first, second) =>
    [first, second].every(is_accepted) && first.ledger_seq_no === second.ledger_seq_no;

async function wait_for_ledger(client, seq_no) {
    await client.next_ledger({ from: 0, where: (ledger) => ledger.seq_no >= seq_no });
}

describe('17 inputs', { concurrency: true }, () => {
    after(() => nodes.dispose());

    for (const protocol of ['json', 'bson']) {
        scoped_test(`17.31 a valid input is accepted (${protocol})`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'), { protocol });
            const { ledger_seq_no: lcl } = await client.lcl();
            const built = client.make_input('hello', { max: lcl + 5 });
            client.send_input(built);
            const status = await client.wait_status(built.hash);
            assert.equal(status.status, 'accepted');
            assert.equal(status.input_hash, b3_hex(built.sig));
            assert.ok(status.ledger_seq_no > lcl && status.ledger_seq_no <= lcl + 5);
            assert.match(status.ledger_hash, /^[0-9a-f]{64}$/);
            assert.ok(!('reason' in status));
            const output = await client.wait_output('hello');
            assert.equal(output.ledger_seq_no, status.ledger_seq_no + 1);
            await client.lcl();
            assert.equal(client.messages('contract_input_status').length, 1);
        });
    }

    scoped_test('17.32 max = lcl is max_ledger_expired at once', async (scope) => {
        const client = await scope.login(await nodes.get('slow'));
        client.subscribe('ledger_event');
        await client.next_ledger();
        for (const age of [0, 1]) {
            const status = await within_one_ledger(client, (lcl) => {
                return status_at_once(client, client.make_input('late', { max: lcl - age }));
            });
            assert.equal(status?.reason, 'max_ledger_expired');
            assert.equal(status.status, 'rejected');
        }
    });

    scoped_test('17.32 max = lcl + 11 is max_ledger_offset_exceeded at once', async (scope) => {
        const client = await scope.login(await nodes.get('slow'));
        const beyond = await within_one_ledger(client, (lcl) => {
            const built = client.make_input('far', { max: lcl + offset_max + 1 });
            return status_at_once(client, built);
        });
        assert.equal(beyond?.reason, 'max_ledger_offset_exceeded');
        const built = await client.submit('near', { offset: offset_max });
        await client.wait_accepted(built.hash);
    });

    scoped_test('17.33 max = lcl + 1: in that ledger, or expired, never later', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        client.subscribe('ledger_event');
        for (const round of range(4)) {
            const { ledger_seq_no: lcl } = await client.lcl();
            const built = client.make_input(`tight ${round}`, { max: lcl + 1 });
            client.send_input(built);
            await wait_for_ledger(client, lcl + 3);
            await client.lcl();
            const statuses = client.statuses(built.hash).map((record) => record.msg);
            assert.equal(statuses.length, 1, `statuses: ${JSON.stringify(statuses)}`);
            if (statuses[0].status === 'accepted') assert.equal(statuses[0].ledger_seq_no, lcl + 1);
            else assert.equal(statuses[0].reason, 'max_ledger_expired');
        }
    });

    const json_containers = {
        'nonce 0': '{"input":"x","nonce":0,"max_ledger_seq_no":MAX}',
        'nonce a string': '{"input":"x","nonce":"5","max_ledger_seq_no":MAX}',
        'nonce 1.0': '{"input":"x","nonce":1.0,"max_ledger_seq_no":MAX}',
        'nonce 1e3': '{"input":"x","nonce":1e3,"max_ledger_seq_no":MAX}',
        'nonce negative': '{"input":"x","nonce":-1,"max_ledger_seq_no":MAX}',
        'nonce 2^64': '{"input":"x","nonce":18446744073709551616,"max_ledger_seq_no":MAX}',
        'nonce true': '{"input":"x","nonce":true,"max_ledger_seq_no":MAX}',
        'no nonce': '{"input":"x","max_ledger_seq_no":MAX}',
        'no input': '{"nonce":5,"max_ledger_seq_no":MAX}',
        'no max_ledger_seq_no': '{"input":"x","nonce":5}',
        'input a number': '{"input":5,"nonce":5,"max_ledger_seq_no":MAX}',
        'input null': '{"input":null,"nonce":5,"max_ledger_seq_no":MAX}',
        'input an object': '{"input":{},"nonce":5,"max_ledger_seq_no":MAX}',
        'max_ledger_seq_no a string': '{"input":"x","nonce":5,"max_ledger_seq_no":"MAX"}',
        'max_ledger_seq_no 5.0': '{"input":"x","nonce":5,"max_ledger_seq_no":MAX.0}',
        'not JSON': '{"input":"x"',
        'an array': '["x",5,MAX]',
        empty: '',
    };
    for (const [name, template] of Object.entries(json_containers)) {
        scoped_test(`17.34 bad_msg_format with B3(sig): ${name}`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'));
            const max = await client.farthest_ledger();
            const container = Buffer.from(template.replace('MAX', max));
            const status = await status_at_once(client, client.make_input('', { max, container }));
            assert.equal(status?.reason, 'bad_msg_format');
            assert.equal(status.status, 'rejected');
        });
    }

    scoped_test('17.34 the largest nonce, 2^64 - 1, is accepted', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const max = await client.farthest_ledger();
        const container = Buffer.from(
            `{"input":"x","nonce":18446744073709551615,"max_ledger_seq_no":${max}}`,
        );
        const built = client.send_input(client.make_input('x', { max, container }));
        await client.wait_accepted(built.hash);
    });

    scoped_test('17.35 field order and extra fields do not matter', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const max = await client.farthest_ledger();
        const container = Buffer.from(
            `{ "max_ledger_seq_no":${max}, "note":[1,{"a":null}],\n "nonce":7,` +
                ' "input":"ordered \\u00e4" }',
        );
        const built = client.send_input(client.make_input('', { max, container }));
        await client.wait_accepted(built.hash);
        await client.wait_output('ordered ä');
    });

    scoped_test('17.36 a wrong signature is bad_sig, but not at once', async (scope) => {
        const client = await scope.login(await nodes.get('slow'));
        client.subscribe('ledger_event');
        const { seq_no } = await client.next_ledger();
        const built = client.make_input('forged', { max: seq_no + 5 });
        const sig = Buffer.from(built.sig);
        sig[5] ^= 1;
        built.message.sig = sig.toString('hex');
        built.hash = b3_hex(sig);
        assert.equal(await status_at_once(client, built), undefined);
        const status = await client.wait_status(built.hash);
        assert.equal(status.reason, 'bad_sig');
        assert.ok((await client.lcl()).ledger_seq_no <= seq_no + 2, 'later than two rounds');
    });

    for (const field of ['sig', 'input_container']) {
        for (const [kind, value] of [
            ['missing', undefined],
            ['a number', 5],
        ]) {
            scoped_test(`17.37 ${field} ${kind}: bad_msg_format with B3("")`, async (scope) => {
                const client = await scope.login(await nodes.get('plain'));
                const max = await client.farthest_ledger();
                const built = client.make_input('x', { max, fields: { [field]: value } });
                built.hash = empty_hash;
                const status = await status_at_once(client, built);
                assert.equal(status?.reason, 'bad_msg_format');
            });
        }
    }

    scoped_test('17.38 inputs of one round run in the order of their nonces', async (scope) => {
        const { client } = await in_same_ledger(
            scope,
            await nodes.get('plain'),
            (user, max) =>
                [602, 601].map((nonce) => user.make_input(`nonce ${nonce}`, { nonce, max })),
            share_ledger,
        );
        const output = await client.wait('contract_output');
        assert.deepEqual(output.msg.outputs, ['nonce 601', 'nonce 602']);
    });

    scoped_test('17.39 of two inputs with one nonce exactly one is accepted', async (scope) => {
        const { statuses } = await in_same_ledger(
            scope,
            await nodes.get('plain'),
            (user, max) =>
                ['first', 'second'].map((text) => user.make_input(text, { nonce: 700, max })),
            () => true, // in whichever ledgers they are
        );
        const outcome = statuses.map((status) => status.reason ?? status.status).sort();
        assert.deepEqual(outcome, ['accepted', 'nonce_expired']);
    });

    scoped_test('17.40 a nonce not above the last one is nonce_expired', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        client.subscribe('ledger_event');
        const first = await client.submit('first', { nonce: 1000, offset: 20 });
        await client.wait_accepted(first.hash);
        for (const nonce of [999, 1000]) {
            const max = (await client.lcl()).ledger_seq_no + 20;
            const built = client.make_input(`again ${nonce}`, { nonce, max });
            const status = await status_at_once(client, built);
            assert.equal(status?.reason, 'nonce_expired', `nonce ${nonce}`);
        }
        // Once that input can no longer enter a ledger its nonce is forgotten.
        await wait_for_ledger(client, first.max);
        const lower = await client.submit('lower', { nonce: 999 });
        await client.wait_accepted(lower.hash);
    });

    scoped_test('17.41 a repeat of the first input is already_submitted', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        const built = await client.submit('once');
        await client.wait_accepted(built.hash);
        const status = await status_at_once(client, built);
        assert.equal(status?.reason, 'already_submitted');
        await client.wait_output('once');
    });

    scoped_test('17.42 inputs above user_input_bytes are round_inputs_overflow', async (scope) => {
        const { client, statuses } = await in_same_ledger(
            scope,
            await nodes.get('limited'),
            (user, max) => [90, 21].map((size) => user.make_input('x'.repeat(size), { max })),
            (fits, exceeds) => !is_accepted(exceeds) || share_ledger(fits, exceeds),
        );
        const [fits, exceeds] = statuses;
        assert.equal(exceeds.reason, 'round_inputs_overflow');
        assert.equal(fits.status, 'accepted');

        const single = await client.submit('y'.repeat(input_bytes_max + 2));
        assert.equal((await client.wait_status(single.hash)).reason, 'round_inputs_overflow');

        const exact = await client.submit('z'.repeat(input_bytes_max));
        await client.wait_accepted(exact.hash);
    });

    const bson_accepted = {
        'nonce int32': { nonce: new bson.Int32(5) },
        'nonce int64': { nonce: bson.Long.fromNumber(5) },
        'max_ledger_seq_no int32': (max) => ({ max_ledger_seq_no: new bson.Int32(max) }),
        'an extra field': { note: 'x' },
    };
    const bson_rejected = {
        'nonce double': { nonce: new bson.Double(5) },
        'nonce string': { nonce: '5' },
        'nonce 0': { nonce: new bson.Int32(0) },
        'nonce negative': { nonce: new bson.Int32(-5) },
        'input string': { input: 'text' },
        'max_ledger_seq_no double': (max) => ({ max_ledger_seq_no: new bson.Double(max) }),
    };
    for (const [name, fields] of Object.entries({ ...bson_accepted, ...bson_rejected })) {
        const rejected = name in bson_rejected;
        const verdict = rejected ? 'bad_msg_format' : 'accepted';
        scoped_test(`17.43 BSON container, ${name}: ${verdict}`, async (scope) => {
            const client = await scope.login(await nodes.get('plain'), { protocol: 'bson' });
            const max = await client.farthest_ledger();
            const container = typeof fields === 'function' ? fields(max) : fields;
            const built = client.make_input('bson', { max, container });
            client.send_input(built);
            const status = await client.wait_status(built.hash);
            assert.equal(status.reason ?? status.status, verdict);
        });
    }

    scoped_test('17.44 an input cannot be replayed after a later one expired', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        client.subscribe('ledger_event');
        const { ledger_seq_no: lcl } = await client.lcl();
        const first = client.make_input('A', { nonce: 1000, max: lcl + 10 });
        const second = client.make_input('B', { nonce: 1001, max: lcl + 4 });
        client.send_input(first);
        client.send_input(second);
        await client.wait_accepted(first.hash);
        await client.wait_accepted(second.hash);
        await wait_for_ledger(client, lcl + 4);

        const from = client.mark();
        client.send_input(first);
        const status = await client.wait_status(first.hash, { from });
        assert.equal(status.status, 'rejected');
        await wait_for_ledger(client, lcl + 10);
        const echoes = client
            .messages('contract_output')
            .flatMap((record) => record.msg.outputs)
            .filter((output) => output === 'A');
        assert.equal(echoes.length, 1);
    });

    /** Logs in again with a key whose last session has just been closed. */
    async function return_as(scope, node, keys, protocol) {
        for (let attempt = 1; ; attempt += 1) {
            const again = scope.login(node, { keys, protocol });
            const outcome = await again.then(
                (client) => ({ client }),
                (error) => ({ error }),
            );
            if (outcome.client) return outcome.client;
            if (attempt === attempts_max) throw outcome.error;
            await sleep(50);
        }
    }

    scoped_test('17.45 status and output follow a user who returns in BSON', async (scope) => {
        const node = await nodes.get('slow');
        const keys = make_keys();
        const before = await scope.login(node, { keys });
        before.subscribe('ledger_event');
        const { seq_no } = await before.next_ledger();
        const built = before.make_input('changing', { max: seq_no + 8 });
        assert.equal(await status_at_once(before, built), undefined);
        await before.close();

        const back = await return_as(scope, node, keys, 'bson');
        const record = await back.wait((msg) => msg.input_hash === built.hash, {
            what: 'the status',
        });
        assert.equal(record.msg.status, 'accepted');
        assert.equal(record.doc.input_hash._bsontype, 'Binary');
        const output = await back.wait_output('changing');
        assert.equal(output.ledger_seq_no, record.msg.ledger_seq_no + 1);
    });

    scoped_test('18.I12 status and output wait a short time for an absent user', async (scope) => {
        const node = await nodes.get('plain');
        const keys = make_keys();
        const watcher = await scope.login(node);
        watcher.subscribe('ledger_event');
        const before = await scope.login(node, { keys });
        const built = before.make_input('absent', { max: await before.farthest_ledger() });
        before.send_input(built);
        await before.lcl();
        await before.close();
        const { ledger_seq_no: lcl } = await watcher.lcl();
        await wait_for_ledger(watcher, lcl + 3);

        const back = await return_as(scope, node, keys, 'json');
        await back.wait_output('absent');
        const known = before.statuses(built.hash).concat(back.statuses(built.hash));
        assert.deepEqual(
            known.map((record) => record.msg.status),
            ['accepted'],
        );
    });
});
