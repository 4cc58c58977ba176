// SPDX-License-Identifier: Apache-2.0
//
// Section 15, test 3: what `new` writes. The other tests of commands are in
// recovery/lifecycle.test.mjs and recovery/invalid_values.test.mjs.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { make_node, tests_at_once } from '../lib/contract_kit.mjs';
import { hpnode } from '../lib/node.mjs';
import { scoped_test } from '../lib/scope.mjs';

// Section 4.1; null stands for what differs from node to node.
const defaults = {
    hp_version: null,
    node: {
        public_key: null,
        private_key: null,
        role: 'validator',
        history: 'custom',
        history_config: { max_primary_shards: 1, max_raw_shards: 0 },
    },
    contract: {
        id: null,
        execute: true,
        run_as: '',
        log: { enable: false, max_mbytes_per_file: 5, max_file_count: 10 },
        version: '1.0',
        unl: null,
        bin_path: '<your contract binary here>',
        bin_args: '',
        environment: {},
        max_input_ledger_offset: 10,
        consensus: { mode: 'private', roundtime: 1000, stage_slice: 25, threshold: 80 },
        npl: { mode: 'private' },
        round_limits: {
            user_input_bytes: 0,
            user_output_bytes: 0,
            npl_output_bytes: 0,
            proc_cpu_seconds: 0,
            proc_mem_bytes: 0,
            proc_ofd_count: 0,
            exec_timeout: 300000,
        },
    },
    mesh: {
        port: 22860,
        listen: true,
        idle_timeout: 120000,
        known_peers: [],
        msg_forwarding: true,
        max_connections: 0,
        max_known_connections: 0,
        max_in_connections_per_host: 0,
        max_bytes_per_msg: 0,
        max_bytes_per_min: 0,
        max_bad_msgs_per_min: 0,
        max_bad_msgsigs_per_min: 0,
        max_dup_msgs_per_min: 0,
        peer_discovery: { enabled: true, interval: 30000 },
    },
    user: {
        port: 8080,
        listen: true,
        idle_timeout: 0,
        max_bytes_per_msg: 0,
        max_bytes_per_min: 0,
        max_bad_msgs_per_min: 0,
        max_connections: 0,
        max_in_connections_per_host: 0,
        concurrent_read_requests: 4,
    },
    hpfs: { external: false, log: { log_level: 'wrn' } },
    log: {
        log_level: 'inf',
        max_mbytes_per_file: 5,
        max_file_count: 10,
        loggers: ['file', 'console'],
    },
};

const is_section = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

describe('15 commands', tests_at_once, () => {
    scoped_test('15.3 new writes all fields with their defaults', async (scope) => {
        const node = await make_node(scope);
        const directory = path.join(node.root, 'fresh');
        const made = await hpnode(['new', directory]);
        assert.equal(made.code, 0, made.stderr);
        assert.ok(made.stdout.includes(`Contract directory created at ${directory}`));
        const text = fs.readFileSync(path.join(directory, 'cfg/hp.cfg'), 'utf8');
        const cfg = JSON.parse(text);
        assert.equal(JSON.stringify(cfg, null, 4), text);
        const check_section = (actual, expected, name) => {
            for (const [key, value] of Object.entries(expected)) {
                assert.ok(key in actual, `${name}${key} is missing`);
                if (is_section(value)) check_section(actual[key], value, `${name}${key}.`);
                else if (value !== null) assert.deepEqual(actual[key], value, `${name}${key}`);
            }
        };
        check_section(cfg, defaults, '');
        assert.match(cfg.hp_version, /^\d+\.\d+\.\d+$/);
        assert.match(cfg.node.public_key, /^ed[0-9a-f]{64}$/);
        assert.match(cfg.node.private_key, /^ed[0-9a-f]{128}$/);
        assert.ok(cfg.node.private_key.endsWith(cfg.node.public_key.slice(2)));
        assert.match(cfg.contract.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        assert.deepEqual(cfg.contract.unl, [cfg.node.public_key]);
        for (const name of [
            'cfg/tlskey.pem',
            'cfg/tlscert.pem',
            'contract_fs/seed/state',
            'contract_fs/mnt',
            'ledger_fs/seed/primary',
            'ledger_fs/seed/raw',
            'ledger_fs/mnt',
            'log/contract',
        ]) {
            assert.ok(fs.existsSync(path.join(directory, name)), name);
        }
        const other = path.join(node.root, 'other');
        await hpnode(['new', other]);
        const second = JSON.parse(fs.readFileSync(path.join(other, 'cfg/hp.cfg')));
        assert.notEqual(second.contract.id, cfg.contract.id);
        assert.notEqual(second.node.private_key, cfg.node.private_key);
    });
});
