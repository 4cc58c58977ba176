// SPDX-License-Identifier: Apache-2.0
//
// How the configuration shapes the port for users: certificates, plain ws, who may connect, and no
// port at all.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe } from 'node:test';

import { upgrade_request } from '../lib/rawsocket.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { fresh_ip } from '../lib/util.mjs';

const refused = 255;
const connections_max = 2;
const key_kinds = {
    ecdsa: ['ec', 'ec_paramgen_curve:P-256'],
    rsa: ['rsa', 'rsa_keygen_bits:2048'],
};

/** A certificate for 127.0.0.1 and its key, made by the openssl program. */
function make_certificate(directory, name, [algorithm, option]) {
    const cert = path.join(directory, `${name}.cert.pem`);
    const key = path.join(directory, `${name}.key.pem`);
    const flags = ['req', '-x509', '-nodes', '-days', '2', '-newkey', algorithm];
    const subject = ['-subj', '/CN=own', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-out', cert, '-keyout', key];
    const made = spawnSync('openssl', [...flags, '-pkeyopt', option, ...subject, ...files]);
    assert.equal(made.status, 0, made.stderr?.toString() ?? made.error?.message);
    return { cert, key };
}

const fingerprint_of = (file) => new crypto.X509Certificate(fs.readFileSync(file)).fingerprint256;

const served_fingerprint = (socket) => socket.socket.getPeerCertificate().fingerprint256;

function is_listening(port) {
    return new Promise((resolve) => {
        const socket = net.connect({ port, host: '127.0.0.1' });
        socket.once('connect', () => {
            socket.destroy();
            resolve(true);
        });
        socket.once('error', () => resolve(false));
    });
}

describe('recovery: own certificates', { concurrency: true }, () => {
    for (const [kind, parameters] of Object.entries(key_kinds)) {
        for (const relative of [true, false]) {
            const title = `${kind}, ${relative ? 'relative' : 'absolute'} paths`;
            scoped_test(`a configured certificate is served (${title})`, async (scope) => {
                const node = await scope.make_node();
                const files = make_certificate(path.join(node.dir, 'cfg'), 'own', parameters);
                const name = (file) => (relative ? path.relative(node.dir, file) : file);
                const [tls_cert, tls_key] = [name(files.cert), name(files.key)];
                node.edit_config({ user: { tls_cert, tls_key } });
                assert.equal((await node.command('check')).code, 0);
                await node.run();
                const strict = { rejectUnauthorized: true, ca: fs.readFileSync(files.cert) };
                const socket = await scope.socket(node, { tls_options: strict });
                assert.ok(socket.socket.authorized, socket.explain());
                assert.equal(served_fingerprint(socket), fingerprint_of(files.cert));
                await (await scope.login(node)).echo('hello');
            });
        }
    }

    scoped_test('the default certificate may be replaced by files of that name', async (scope) => {
        const node = await scope.make_node();
        const standard = path.join(node.dir, 'cfg/tlscert.pem');
        const made_by_new = fingerprint_of(standard);
        await node.run();
        assert.equal(served_fingerprint(await scope.socket(node)), made_by_new);
        await node.stop();
        const files = make_certificate(node.root, 'own', key_kinds.ecdsa);
        fs.copyFileSync(files.cert, standard);
        fs.copyFileSync(files.key, path.join(node.dir, 'cfg/tlskey.pem'));
        await node.run();
        assert.equal(served_fingerprint(await scope.socket(node)), fingerprint_of(files.cert));
    });

    scoped_test('the certificate of a restarted node is the same', async (scope) => {
        const node = await scope.start_node();
        const before = served_fingerprint(await scope.socket(node));
        await node.kill();
        await node.run();
        assert.equal(served_fingerprint(await scope.socket(node)), before);
    });

    const broken = {
        'a missing certificate': ({ key }) => ({ tls_cert: 'cfg/missing.pem', tls_key: key }),
        'a missing key': ({ cert }) => ({ tls_cert: cert, tls_key: 'cfg/missing.pem' }),
        'a key of another certificate': ({ cert }, other) => ({
            tls_cert: cert,
            tls_key: other.key,
        }),
        'a key instead of a certificate': ({ key }) => ({ tls_cert: key, tls_key: key }),
        'a certificate alone': ({ cert }) => ({ tls_cert: cert }),
    };
    for (const [name, make_user_section] of Object.entries(broken)) {
        scoped_test(`${name}: run is refused and says why`, async (scope) => {
            const node = await scope.make_node();
            const files = make_certificate(node.root, 'own', key_kinds.ecdsa);
            const other = make_certificate(node.root, 'other', key_kinds.ecdsa);
            const user = make_user_section(files, other);
            node.edit_config({ user, log: { loggers: ['file', 'console'] } });
            const { code, stderr } = await node.command('run');
            assert.equal(code, refused);
            const shown = [...Object.values(user), 'tlskey.pem'];
            assert.ok(
                shown.some((file) => stderr.includes(path.basename(file))),
                `the file is not named: ${stderr}`,
            );
            assert.equal(await is_listening(node.port), false);
        });
    }
});

describe('recovery: who may connect', { concurrency: true }, () => {
    scoped_test('plain_ws: ws:// works and TLS does not', async (scope) => {
        const node = await scope.start_node({ config: { user: { plain_ws: true } } });
        assert.match(node.url, /^ws:/);
        for (const protocol of ['json', 'bson']) {
            const user = await scope.login(node, { protocol });
            await user.echo('plain');
        }
        const socket = await scope.socket(node, { secure: true, local_address: fresh_ip() });
        assert.equal(socket.connected, false);
        const plain = await scope.socket(node, { secure: false });
        plain.write(upgrade_request());
        assert.match(await plain.wait_head(), /^HTTP\/1\.1 101 /);
    });

    scoped_test('plain_ws needs no certificate', async (scope) => {
        const node = await scope.make_node({ config: { user: { plain_ws: true } } });
        fs.unlinkSync(path.join(node.dir, 'cfg/tlscert.pem'));
        fs.unlinkSync(path.join(node.dir, 'cfg/tlskey.pem'));
        assert.equal((await node.command('check')).code, 0);
        await node.run();
        await (await scope.login(node)).echo('hello');
    });

    scoped_test('max_in_connections_per_host counts addresses separately', async (scope) => {
        const node = await scope.start_node({
            config: { user: { max_in_connections_per_host: connections_max } },
        });
        const [crowded, other] = [fresh_ip(), fresh_ip()];
        const users = [];
        for (let count = 0; count < connections_max; count += 1) {
            users.push(await scope.login(node, { local_address: crowded }));
        }
        const surplus = await scope.connect(node, {
            local_address: crowded,
            await_challenge: false,
        });
        await surplus.wait_closed();
        assert.equal(surplus.challenge, undefined);
        assert.equal(surplus.messages('user_challenge').length, 0);
        await (await scope.login(node, { local_address: other })).echo('another host');
        for (const user of users) await user.lcl();

        // A place becomes free when somebody leaves.
        await users[0].close();
        await (await scope.login(node, { local_address: crowded })).echo('next');
    });

    scoped_test('max_connections is for users who have proved their key', async (scope) => {
        const node = await scope.start_node({ config: { user: { max_connections: 1 } } });
        const first = await scope.login(node);
        const second = await scope.connect(node);
        await assert.rejects(second.handshake());
        await second.wait_closed();
        await first.echo('undisturbed');
        await first.close();
        await (await scope.login(node)).echo('now');
    });

    scoped_test('listen false: no port, but ledgers', async (scope) => {
        const node = await scope.make_node();
        node.edit_config({ user: { listen: false } });
        fs.unlinkSync(path.join(node.dir, 'cfg/tlscert.pem'));
        node.spawn();
        await node.wait_log(/Ledger created.* lcl=3-/);
        assert.equal(await is_listening(node.port), false);
        const verified = await node.command('ledger verify');
        assert.equal(verified.code, 0, verified.stderr);
    });

    scoped_test('a port in use: run is refused and says so', async (scope) => {
        const holder = await scope.start_node({ name: 'holder' });
        const node = await scope.make_node();
        node.edit_config({
            user: { port: holder.port },
            log: { loggers: ['file', 'console'] },
        });
        const { code, stderr } = await node.command('run');
        assert.equal(code, refused);
        assert.match(stderr, /in use/);
        await (await scope.login(holder)).echo('undisturbed');
    });

    scoped_test('the port is free at once after kill -9 with users connected', async (scope) => {
        const node = await scope.start_node();
        for (let count = 0; count < 3; count += 1) {
            const user = await scope.login(node);
            await user.echo(`hello ${count}`);
            await node.kill();
            await node.run();
        }
        await (await scope.login(node)).lcl();
    });
});
