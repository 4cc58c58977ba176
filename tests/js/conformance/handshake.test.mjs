// SPDX-License-Identifier: Apache-2.0
//
// Section 17, tests 12-24: the handshake, its refusals, the number of users and bans.
// Failing handshakes come from addresses of their own, so that tests do not ban each other.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { make_keys, sign } from '../lib/crypto.mjs';
import { NodePool } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip, patience_ms, range, silence_ms, until } from '../lib/util.mjs';

const users_max = 64;
const ban_after = 6;
const policy_violation = 1008;
const try_again_later = 1013;

const nodes = new NodePool({
    plain: {},
    full: { config: { user: { max_connections: users_max } } },
    banning: {},
});

const without = (name) => ({ [name]: undefined });

/** Sends a response and expects the connection to end without any reply. */
async function expect_refused(scope, overrides, { raw } = {}) {
    const client = await scope.connect(await nodes.get('plain'), { local_address: fresh_ip() });
    const from = client.mark();
    const fields = typeof overrides === 'function' ? overrides(client) : overrides;
    if (raw) client.send_raw(raw(client));
    else client.send_json(client.challenge_response(fields));
    return client.expect_drop({ from });
}

describe('17 handshake', { concurrency: true }, () => {
    after(() => nodes.dispose());

    scoped_test('17.12 user_challenge has its five fields', async (scope) => {
        const node = await nodes.get('plain');
        const first = await scope.connect(node, { local_address: fresh_ip() });
        const { challenge } = first;
        assert.deepEqual(Object.keys(challenge).sort(), [
            'challenge',
            'contract_id',
            'contract_version',
            'hp_version',
            'type',
        ]);
        assert.equal(challenge.type, 'user_challenge');
        assert.match(challenge.hp_version, /^0\.6\./);
        assert.equal(challenge.contract_id, node.cfg.contract.id);
        assert.equal(challenge.contract_version, node.cfg.contract.version);
        assert.match(challenge.challenge, /^[0-9a-f]{32}$/);
        const second = await scope.connect(node, { local_address: fresh_ip() });
        assert.notEqual(second.challenge.challenge, challenge.challenge);
    });

    scoped_test('17.13 the signature covers the ASCII challenge', async (scope) => {
        const client = await scope.login(await nodes.get('plain'));
        await client.lcl();
        await expect_refused(scope, (other) => ({
            sig: sign(Buffer.from(other.challenge.challenge, 'hex'), other.keys).toString('hex'),
        }));
    });

    const bad_responses = {
        'no sig': without('sig'),
        'no pubkey': without('pubkey'),
        'no protocol': without('protocol'),
        'no type': without('type'),
        'sig a number': { sig: 5 },
        'sig null': { sig: null },
        'sig empty': { sig: '' },
        'sig not hex': { sig: 'zz'.repeat(64) },
        'pubkey a number': { pubkey: 5 },
        'pubkey not hex': { pubkey: `ed${'zz'.repeat(32)}` },
        'pubkey empty': { pubkey: '' },
        'protocol a number': { protocol: 1 },
        'protocol JSON': { protocol: 'JSON' },
        'protocol xml': { protocol: 'xml' },
        'type user_challenge': { type: 'user_challenge' },
        'type in capitals': { type: 'USER_CHALLENGE_RESPONSE' },
    };
    for (const [name, overrides] of Object.entries(bad_responses)) {
        scoped_test(`17.14 dropped: ${name}`, (scope) => expect_refused(scope, overrides));
    }

    scoped_test('17.14 dropped: sig of another challenge', (scope) =>
        expect_refused(scope, (client) => ({
            sig: sign('0'.repeat(32), client.keys).toString('hex'),
        })),
    );

    scoped_test('17.14 dropped: sig one byte short or long', async (scope) => {
        const sig_of = (client) => sign(client.challenge.challenge, client.keys).toString('hex');
        await Promise.all([
            expect_refused(scope, (client) => ({ sig: sig_of(client).slice(2) })),
            expect_refused(scope, (client) => ({ sig: `${sig_of(client)}00` })),
        ]);
    });

    const bad_texts = { 'not JSON': '{"type":', 'an array': '[]', 'an empty message': '' };
    for (const [name, text] of Object.entries(bad_texts)) {
        scoped_test(`17.14 dropped: ${name}`, (scope) =>
            expect_refused(scope, {}, { raw: () => text }),
        );
    }

    for (const server_challenge of ['x', 'f'.repeat(32), 'ä'.repeat(16)]) {
        scoped_test(`17.15 server_challenge "${server_challenge}" is answered`, async (scope) => {
            const client = await scope.connect(await nodes.get('plain'));
            await client.handshake({ server_challenge });
            await client.lcl();
        });
    }

    const bad_challenges = {
        empty: '',
        null: null,
        '33 characters': 'f'.repeat(33),
        '17 two-byte characters': 'ä'.repeat(17),
        'a number': 5,
    };
    for (const [name, server_challenge] of Object.entries(bad_challenges)) {
        scoped_test(`17.15 server_challenge ${name} is dropped`, (scope) =>
            expect_refused(scope, { server_challenge }),
        );
    }

    scoped_test('17.16 without server_challenge there is no response message', async (scope) => {
        const client = await scope.connect(await nodes.get('plain'));
        const from = client.mark();
        client.send_json(client.challenge_response(without('server_challenge')));
        client.start_session();
        await client.lcl();
        const types = client.records.slice(from).map((record) => record.msg.type);
        assert.deepEqual(types, ['lcl_response']);
    });

    scoped_test('17.17 the server proves its key and announces a sorted UNL', async (scope) => {
        const node = await nodes.get('plain');
        const client = await scope.connect(node);
        const response = await client.handshake();
        assert.equal(client.proof_is_valid(response), true);
        assert.match(response.sig, /^[0-9a-f]{128}$/);
        assert.equal(response.pubkey, node.cfg.node.public_key);
        assert.deepEqual(response.unl, [...node.cfg.contract.unl].sort());
        for (const key of response.unl) assert.match(key, /^ed[0-9a-f]{64}$/);
    });

    scoped_test('17.18 uppercase hex names the same user', async (scope) => {
        const node = await nodes.get('plain');
        const keys = make_keys();
        const upper = await scope.connect(node, { keys });
        const honest = upper.challenge_response();
        await upper.handshake({
            pubkey: honest.pubkey.toUpperCase(),
            sig: honest.sig.toUpperCase(),
        });
        // Inputs signed by the key are accepted, and outputs come back to this session.
        await upper.echo('upper');
        // The key is taken, however it is written.
        const lower = await scope.connect(node, { keys, local_address: fresh_ip() });
        const from = lower.mark();
        lower.send_json(lower.challenge_response());
        await lower.expect_drop({ from });
    });

    const bad_keys = {
        '34 bytes': (keys) => `${keys.hex}00`,
        '32 bytes': (keys) => keys.hex.slice(2),
        'first byte 00': (keys) => `00${keys.hex.slice(2)}`,
    };
    for (const [name, make] of Object.entries(bad_keys)) {
        scoped_test(`17.19 a key of ${name} is dropped`, (scope) =>
            expect_refused(scope, (client) => ({ pubkey: make(client.keys) })),
        );
    }

    scoped_test('17.20 stat before the handshake is dropped', (scope) =>
        expect_refused(scope, {}, { raw: () => JSON.stringify({ type: 'stat' }) }),
    );

    scoped_test('17.20 BSON before the handshake is dropped', (scope) =>
        expect_refused(scope, {}, { raw: () => Buffer.from('0c0000000a747970650000', 'hex') }),
    );

    // The node drops after 5 to 6 s. Its clock starts after ours and stops before it, so that 5 s
    // hold on any machine; the upper end leaves room for one that is busy.
    for (const [what, behave] of [
        ['silence after the challenge is', () => undefined],
        [
            'pings do not help: it is',
            (client) => setInterval(() => client.ws.readyState === 1 && client.ws.ping(), 500),
        ],
    ]) {
        scoped_test(`17.21 ${what} dropped after 5 to 6 s`, async (scope) => {
            const node = await nodes.get('plain');
            const before_ms = performance.now();
            const client = await scope.connect(node, { local_address: fresh_ip() });
            const timer = behave(client);
            await client.expect_drop({ timeout_ms: patience_ms }).finally(() => {
                clearInterval(timer);
            });
            const took_ms = performance.now() - before_ms;
            assert.ok(took_ms >= silence_ms, `dropped after ${took_ms} ms`);
        });
    }

    scoped_test(
        '17.22 a second session of a user is refused, the first keeps working',
        async (scope) => {
            const node = await nodes.get('plain');
            const keys = make_keys();
            const first = await scope.login(node, { keys });
            const second = await scope.connect(node, { keys, local_address: fresh_ip() });
            const from = second.mark();
            second.send_json(second.challenge_response());
            const end = await second.expect_drop({ from });
            assert.equal(end.code, policy_violation);
            await first.echo('still here');
            await first.close();
            // The key is free again once the first session has gone.
            await until(
                () => scope.login(node, { keys, local_address: fresh_ip() }).catch(() => null),
                {
                    every_ms: 100,
                    what: 'login with the freed key',
                },
            );
        },
    );

    scoped_test('17.23 user 65 is not served, the 64 are unaffected', async (scope) => {
        const node = await nodes.get('full');
        const users = await Promise.all(range(users_max).map(() => scope.login(node)));

        const refused = await scope.connect(node, {
            await_challenge: false,
            local_address: fresh_ip(),
        });
        // A full node may end the connection before the challenge or after the response.
        await Promise.race([
            refused.wait('user_challenge').then(
                (record) => {
                    refused.challenge = record.msg;
                    refused.send_json(refused.challenge_response());
                },
                () => {},
            ),
            refused.closed,
        ]);
        const end = await refused.wait_closed();
        assert.deepEqual(refused.messages('server_challenge_response'), []);
        assert.ok([try_again_later, 1006].includes(end.code), `close code ${end.code}`);

        await Promise.all(users.map((user) => user.lcl()));
        await users[0].echo('served');

        await users[1].close();
        await until(() => scope.login(node, { local_address: fresh_ip() }).catch(() => null), {
            every_ms: 100,
            what: 'login after a user left',
        });
    });

    scoped_test('17.24 six failed handshakes ban the address, not another one', async (scope) => {
        const node = await nodes.get('banning');
        const banned_ip = '127.0.0.1';
        const bystander = await scope.login(node, { local_address: banned_ip });
        for (const attempt of range(ban_after)) {
            const client = await scope.connect(node, {
                local_address: banned_ip,
                label: `attempt ${attempt + 1}`,
            });
            const from = client.mark();
            client.send_json(client.challenge_response({ sig: '00'.repeat(64) }));
            await client.expect_drop({ from });
        }
        await until(
            async () => {
                const socket = await scope.socket(node, { local_address: banned_ip });
                return !socket.connected;
            },
            { every_ms: 100, what: 'refusal of connection 7 before TLS' },
        );
        const other = await scope.login(node, { local_address: '127.0.0.2' });
        await other.lcl();
        // A ban is for new connections.
        await bystander.lcl();
    });
});
