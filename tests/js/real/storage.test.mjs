// SPDX-License-Identifier: Apache-2.0
//
// Contracts that use files as programs do: SQLite with both journals, shared mappings, large files,
// files with holes, links, locks and files without a name.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { native_contract } from '../lib/node.mjs';
import { describe_scenario } from '../lib/scenario.mjs';
import { until } from '../lib/util.mjs';

const mib = 1024 * 1024;
const large_bytes = 10 * 1000 * 1000;
const chunk_bytes = 2 * mib;

const state_file = (node, name) => path.join(node.state_dir, name);

/** Bytes that are the same in every run of the tests and compress badly. */
function pattern(size) {
    const out = Buffer.alloc(size);
    for (let at = 0; at < size; at += 1) out[at] = 33 + ((at * 7 + (at >> 8)) % 90);
    return out;
}

for (const mode of ['delete', 'wal']) {
    describe_scenario({
        name: `SQLite with journal mode ${mode}`,
        contract: () => native_contract('sqlite_contract', mode),
        steps: [
            ['mode', mode],
            ['add:first', '1'],
            ['fill:2000', '2001'],
            ['add:größe', '2002'],
            ['die:lost', null], // leaves a hot journal
            ['check', 'ok'],
            ['count', '2002'],
        ],
        last: ['add:last', '2003'],
        reads: [
            ['last', 'last'],
            ['count', '2003'],
            ['check', 'ok'],
        ],
        async check(node) {
            // Between runs.
            const names = () => fs.readdirSync(node.state_dir).sort().join();
            await until(() => names() === 'notes.db,sqlite_contract', { what: 'the usual files' });
        },
    });
}

describe_scenario({
    name: 'shared mappings and the rest of the file API',
    contract: () => native_contract('posix_contract'),
    steps: [
        [`mmap:map.bin:${3 * mib}=far away`, 'ok'],
        ['mmap:map.bin:5=near', 'ok'],
        ['get:map.bin:5:4', 'near'],
        // Seen by a later run only when the kernel's writes at the end of the process count.
        ['mmapkeep:map.bin:100000=in the middle', 'ok'],
        ['get:map.bin:100000:13', 'in the middle'],
        ['sparse:holes.bin:20000000', 'ok'],
        ['allocate:reserved.bin:300000', 'ok'],
        ['mkdir:folder', 'ok'],
        ['put:folder/a.txt:0=text', 'ok'],
        ['rename:folder=renamed', 'ok'],
        ['symlink:link=renamed/a.txt', 'ok'],
        ['send:link', 'text'],
        ['chmodx:renamed/a.txt', 'ok'],
        ['truncate:reserved.bin:1000', 'ok'],
        ['unnamed:named.txt=it got one', 'ok'],
        ['unlinked:content', 'content'],
        ['lock:lock.txt', 'ok'],
        ['remove:lock.txt', 'ok'],
    ],
    last: ['mmap:map.bin:70000=during a kill', 'ok'],
    reads: [
        [`get:map.bin:${3 * mib}:8`, 'far away'],
        ['get:map.bin:70000:13', 'during a kill'],
        ['get:map.bin:100000:13', 'in the middle'],
        ['send:named.txt', 'it got one'],
        ['send:link', 'text'],
        ['get:holes.bin:19999998:2', '\0x'],
    ],
    check(node) {
        const stat = (name) => fs.statSync(state_file(node, name));
        assert.equal(stat('reserved.bin').size, 1000);
        assert.equal(stat('renamed/a.txt').mode & 0o777, 0o755);
        assert.equal(stat('named.txt').mode & 0o777, 0o644);
        assert.equal(stat('holes.bin').size, 20000000);
        assert.ok(stat('holes.bin').blocks * 512 < mib, 'the hole takes space');
        assert.equal(fs.readlinkSync(state_file(node, 'link')), 'renamed/a.txt');
    },
});

const uploaded = pattern(large_bytes);
const chunks = [];
for (let at = 0; at < large_bytes; at += chunk_bytes) {
    const chunk = uploaded.subarray(at, at + chunk_bytes);
    chunks.push([Buffer.concat([Buffer.from(`put:upload.bin:${at}=`), chunk]), 'ok']);
}

describe_scenario({
    name: 'files of 10 MB, uploaded in pieces',
    contract: () => native_contract('posix_contract'),
    protocol: 'bson',
    steps: [
        ...chunks,
        ['send:upload.bin', uploaded],
        [`make:made.bin:${large_bytes}`, 'ok'],
        ['put:made.bin:5000000=changed', 'ok'],
    ],
    last: [`make:again.bin:${large_bytes}`, 'ok'],
    reads: [
        ['send:upload.bin', uploaded],
        ['get:made.bin:5000000:7', 'changed'],
        ['sum:again.bin', new RegExp(`^${large_bytes} \\d+$`)],
    ],
    check(node) {
        assert.ok(fs.readFileSync(state_file(node, 'upload.bin')).equals(uploaded));
    },
});
