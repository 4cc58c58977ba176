// SPDX-License-Identifier: Apache-2.0
//
// Every field of hp.cfg with values it must not have: `hpnode run` ends with 255, names the field
// and starts nothing; `hpnode check` says the same (contract protocol section 4.1 and test 8).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { make_keys } from '../lib/crypto.mjs';
import { scoped_test } from '../lib/scope.mjs';

const refused = 255;
const findings_code = 2;
const nodes_at_once = 4;
const key = make_keys().hex;

// What no number field may be, and beyond its range.
const no_number = ['1000', -1, 1.5, null, true, [], {}];
const number = (...out_of_range) => [...no_number, ...out_of_range];
const no_text = [5, null, false, [], {}];
const text = (...wrong) => [...no_text, ...wrong];
const flag = [0, 1, 'true', null, []];
const beyond = { u16: 65536, u32: 4294967296, exact: 9007199254740992 };

const sections = {
    'hp_version and node': {
        hp_version: text('', '0.6.2', '0.5', 'x', '1', '0.6.x'),
        'node.public_key': text('', 'ed', key.slice(0, -1), `00${key.slice(2)}`, key),
        'node.private_key': text('', 'ed', 'zz'.repeat(65), make_keys().private_hex),
        'node.role': text('', 'Validator', 'leader'),
        'node.history': text('', 'none'),
        'node.history_config': [5, [], null, 'x'],
        'node.history_config.max_primary_shards': number(0, beyond.exact),
        'node.history_config.max_raw_shards': number(beyond.exact),
        'node.pace': text('', 'fast'),
    },
    contract: {
        'contract.id': text('', 'short', 'x'.repeat(35), 'x'.repeat(37), `${'x'.repeat(35)}"`),
        'contract.execute': flag,
        'contract.warm_start': flag,
        'contract.sandbox': text('', 'on'),
        'contract.run_as': text('1000', '1000:', ':1', '1000:0', '0:5', '-1:-1', 'a:b', '1:2:3'),
        'contract.log.enable': flag,
        'contract.log.max_mbytes_per_file': number(beyond.u32),
        'contract.log.max_file_count': number(beyond.u32),
        'contract.version': text('', 'a"b', 'a\\b', 'a\nb'),
        'contract.unl': [[], 5, null, 'x', {}, ['zz'], ['ed00'], [5], [key, key], [`${key}00`]],
        'contract.bin_path': text('a\u0000b'),
        'contract.bin_args': text('a\u0000b'),
        'contract.environment': [
            [], null, 'x', 5,
            { A: 1 }, { A: null }, { '': 'x' }, { 'A=B': 'x' }, { A: 'x\u0000y' },
        ],
        'contract.max_input_ledger_offset': number(beyond.u16),
    },
    'consensus, npl and limits': {
        'contract.consensus.mode': text('', 'open'),
        'contract.consensus.roundtime': number(0, 3600001),
        'contract.consensus.stage_slice': number(0, 34),
        'contract.consensus.threshold': number(0, 101),
        'contract.npl.mode': text('', 'open'),
        'contract.round_limits.user_input_bytes': number(beyond.exact),
        'contract.round_limits.user_output_bytes': number(beyond.exact),
        'contract.round_limits.npl_output_bytes': number(beyond.exact),
        'contract.round_limits.proc_cpu_seconds': number(beyond.exact),
        'contract.round_limits.proc_mem_bytes': number(beyond.exact),
        'contract.round_limits.proc_ofd_count': number(beyond.exact),
        'contract.round_limits.exec_timeout': number(beyond.u32),
        'contract.round_limits.state_bytes': number(beyond.exact),
    },
    mesh: {
        'mesh.port': number(0, 70000),
        'mesh.listen': flag,
        'mesh.idle_timeout': number(beyond.u32),
        'mesh.known_peers': [
            5, null, 'a:1', {},
            [5], [''], ['nowhere'], [':1'], ['a:'], ['a:0'], ['a:65536'], ['a:b'], ['a:1:2'],
        ],
        'mesh.msg_forwarding': flag,
        'mesh.max_connections': number(beyond.u16),
        'mesh.max_known_connections': number(beyond.u16),
        'mesh.max_in_connections_per_host': number(beyond.u16),
        'mesh.max_bytes_per_msg': number(beyond.exact),
        'mesh.max_bytes_per_min': number(beyond.exact),
        'mesh.max_bad_msgs_per_min': number(beyond.exact),
        'mesh.max_bad_msgsigs_per_min': number(beyond.exact),
        'mesh.max_dup_msgs_per_min': number(beyond.exact),
        'mesh.peer_discovery.enabled': flag,
        'mesh.peer_discovery.interval': number(beyond.u16),
    },
    user: {
        'user.port': number(0, 70000),
        'user.listen': flag,
        'user.idle_timeout': number(beyond.u32),
        'user.max_bytes_per_msg': number(beyond.exact),
        'user.max_bytes_per_min': number(beyond.exact),
        'user.max_bad_msgs_per_min': number(beyond.exact),
        'user.max_connections': number(beyond.u16),
        'user.max_in_connections_per_host': number(beyond.u16),
        'user.concurrent_read_requests': number(33),
        'user.plain_ws': flag,
        'user.tls_cert': text('a\u0000b'),
        'user.tls_key': text('a\u0000b'),
    },
    'state, hpfs and log': {
        'state.backend': text('', 'fuse'),
        'hpfs.external': flag,
        'hpfs.log.log_level': text('', 'loud'),
        'log.log_level': text('', 'loud'),
        'log.max_mbytes_per_file': number(beyond.u32),
        'log.max_file_count': number(beyond.u32),
        'log.loggers': [[], 5, null, 'file', ['printer'], [5], ['file', 'printer']],
    },
};
const optional = new RegExp(
    '^(node\\.pace|contract\\.(warm_start|sandbox)|user\\.(plain_ws|tls_cert|tls_key)|' +
        'state\\..*|hpfs\\..*|.*\\.state_bytes)$',
);
// A wrong entry of a list or object is reported at its own place.
const containers = /^(contract\.unl|contract\.environment|mesh\.known_peers|log\.loggers)$/;

/** `cfg` with one field set, or removed when `value` is undefined. */
function changed(cfg, json_path, value) {
    const copy = structuredClone(cfg);
    const names = json_path.split('.');
    const last = names.pop();
    const parent = names.reduce((at, name) => at[name], copy);
    if (value === undefined) delete parent[last];
    else parent[last] = value;
    return copy;
}

async function expect_refused(node, cfg, json_path, value) {
    const shown = `${json_path} = ${JSON.stringify(value)}`;
    fs.writeFileSync(node.cfg_path, JSON.stringify(cfg));
    const [run, check] = [await node.command('run'), await node.command('check')];
    assert.equal(run.code, refused, shown);
    assert.equal(check.code, findings_code, shown);
    // A key that is no key may first of all not fit to the other one.
    const named = json_path === 'node.public_key' ? /node\.p(ublic|rivate)_key: / : null;
    const expected = named ?? {
        test: (output) =>
            output.includes(`${json_path}: `) ||
            (containers.test(json_path) && output.includes(json_path)),
    };
    assert.ok(expected.test(run.stderr), `${shown}: ${run.stderr}`);
    assert.ok(expected.test(check.stdout), `${shown}: ${check.stdout}`);
    const secret = String(cfg.node?.private_key);
    assert.ok(secret.length < 100 || !run.stderr.includes(secret), 'it shows a private key');
}

describe('recovery: invalid values of hp.cfg', { concurrency: nodes_at_once }, () => {
    for (const [section, fields] of Object.entries(sections)) {
        scoped_test(`15.8 ${section}`, async (scope) => {
            const node = await scope.make_node();
            const cfg = node.read_config();
            for (const [json_path, values] of Object.entries(fields)) {
                const wrong = optional.test(json_path) ? values : [undefined, ...values];
                for (const value of wrong)
                    await expect_refused(node, changed(cfg, json_path, value), json_path, value);
            }
            assert.ok(!fs.existsSync(path.join(node.dir, 'ledger_fs/ledger.db')), 'it started');
            fs.writeFileSync(node.cfg_path, JSON.stringify(cfg));
            await node.run(); // the values it had are good
        });
    }

    scoped_test('the table has every field', async (scope) => {
        const node = await scope.make_node();
        const known = new Set(Object.values(sections).flatMap(Object.keys));
        const leaves = (value, prefix) =>
            Object.entries(value).flatMap(([name, inner]) => {
                const here = prefix ? `${prefix}.${name}` : name;
                const nested =
                    inner !== null && typeof inner === 'object' && !Array.isArray(inner);
                return nested && !known.has(here) ? leaves(inner, here) : [here];
            });
        const missing = leaves(node.read_config(), '').filter(
            (name) => !known.has(name) && !name.startsWith('node.history_config'),
        );
        assert.deepEqual(missing, []);
    });
});
