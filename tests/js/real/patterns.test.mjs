// SPDX-License-Identifier: Apache-2.0
//
// What the samples and templates for HotPocket do: a file service, a contract that upgrades itself,
// and contracts that are made of programs and pipelines.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { contracts_dir, modules_dir, native_contract, script_contract } from '../lib/node.mjs';
import { bson } from '../lib/rawclient.mjs';
import { describe_scenario } from '../lib/scenario.mjs';

const mib = 1024 * 1024;

// ---- file service

const request = (type, fileName, content) =>
    Buffer.from(bson.serialize({ type, fileName, ...(content ? { content } : {}) }));

const is_status = (status) => (bytes) => assert.equal(bson.deserialize(bytes).status, status);

const is_content = (expected) => (bytes) => {
    const { content } = bson.deserialize(bytes);
    assert.ok(content?.buffer.equals(expected), 'the content is another');
};

const small = Buffer.from('a small file');
const large = Buffer.alloc(10 * mib, 'largest');
const script = (name) => path.join(contracts_dir, name);

describe_scenario({
    name: 'file service in BSON with 10 MB files',
    contract: () =>
        script_contract('file_service.js', {
            modules: ['hotpocket-nodejs-contract', 'bson', 'buffer', 'base64-js', 'ieee754'],
        }),
    interpreter: true,
    config: { user: { max_bytes_per_msg: 16 * mib } },
    protocol: 'bson',
    steps: [
        [request('upload', 'small.txt', small), is_status('ok')],
        [request('upload', 'large.bin', large), is_status('ok')],
        [request('upload', 'small.txt', small), is_status('already exists')],
        [request('download', 'large.bin'), is_content(large)],
        [request('delete', 'small.txt'), is_status('ok')],
        [request('delete', 'small.txt'), is_status('not found')],
    ],
    last: [request('upload', 'last.txt', small), is_status('ok')],
    reads: [
        [request('download', 'large.bin'), is_content(large)],
        [request('download', 'small.txt'), is_status('not found')],
        [request('download', 'last.txt'), is_content(small)],
        [request('delete', 'last.txt'), is_status('read-only')],
    ],
});

// ---- upgrader

/** A tar archive of these files: { name: content }. */
function bundle_of(files) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-bundle-'));
    try {
        for (const [name, content] of Object.entries(files)) {
            fs.writeFileSync(path.join(directory, name), content, { mode: 0o644 });
        }
        const flags = ['--format=ustar', '--owner=0', '--group=0', '--mtime=@0', '-cf', '-'];
        return execFileSync('tar', [...flags, '-C', directory, ...Object.keys(files)]);
    } finally {
        fs.rmSync(directory, { recursive: true });
    }
}

const code = fs.readFileSync(script('upgrader.js'));
const new_config = { version: '2.0', max_input_ledger_offset: 300 };
const good_bundle = bundle_of({
    'contract.js': Buffer.concat([code, Buffer.from('// the second version\n')]),
    'version.txt': '2\n',
    'contract.config': JSON.stringify(new_config),
});
const bad_bundle = bundle_of({
    'contract.js': 'this is not a contract',
    'version.txt': '3\n',
    'contract.config': '{ "version": ',
});
const upgrader_files = [
    [script('upgrader.js'), 'contract.js'],
    [
        path.join(modules_dir, 'hotpocket-nodejs-contract'),
        'node_modules/hotpocket-nodejs-contract',
    ],
];

describe_scenario({
    name: 'a contract that upgrades itself and rolls back',
    contract: () => ({
        files: upgrader_files,
        bin_path: process.execPath,
        bin_args: 'contract.js',
    }),
    interpreter: true,
    protocol: 'bson',
    steps: [
        ['hello', '1: hello'],
        [good_bundle, 'upgrading'],
        ['hello', '2: hello'],
        [bad_bundle, 'upgrading'],
        ['still there', '2: still there'],
    ],
    last: [good_bundle, 'upgrading'],
    reads: [['hello', '2: hello']],
    check(node) {
        const names = fs.readdirSync(node.state_dir).sort();
        assert.deepEqual(names, ['contract.js', 'node_modules', 'upgrade.txt', 'version.txt']);
        const text = fs.readFileSync(path.join(node.state_dir, 'contract.js'), 'utf8');
        assert.match(text, /the second version/);
        const patch = JSON.parse(fs.readFileSync(node.patch_path));
        assert.equal(patch.version, '2.0');
        assert.equal(patch.max_input_ledger_offset, 300);
        assert.equal(node.read_config().contract.version, '2.0');
        const log = path.join(node.dir, 'contract_fs', 'seed', 'upgrade.log');
        assert.match(fs.readFileSync(log, 'utf8'), /^done in ledger \d+\n$/);
    },
});

// ---- programs

describe_scenario({
    name: 'children, threads and pipelines',
    contract: () => native_contract('posix_contract'),
    steps: [
        ['reverse:written by a child', 'dlihc a yb nettirw'],
        ['children:20', '20 children'],
        ['threads:16', '136'],
        ['sh:ls child-*.txt | wc -l | tr -d " "', '20\n'],
        ['sh:cat child-*.txt | sort -r | head -n 2 >top.txt; cat top.txt', /^written.*9\n/],
        ['sh:(for n in 1 2 3; do echo $n; done) | sed "s/^/line /" | tee lines.txt', /^line 1\n/],
        ['sh:awk "{ sum += \\$2 } END { print sum }" lines.txt', '6\n'],
        ['sh:rm child-1*.txt && find . -name "child-*" | wc -l | tr -d " "', '9\n'],
    ],
    last: ['sh:seq 1000 | sha256sum | cut -c 1-8 | tee sum.txt', /^[0-9a-f]{8}\n$/],
    reads: [
        ['sh:cat lines.txt', 'line 1\nline 2\nline 3\n'],
        ['reverse:abc', 'cba'],
        ['threads:3', '6'],
        ['sh:echo x 2>/dev/null >new.txt || echo refused', 'refused\n'],
    ],
});
