// SPDX-License-Identifier: Apache-2.0
// The requests: one line of words, and for "put" the bytes behind it. README.md has the list.
// Complete files lie in files/, unfinished ones in uploads/.

'use strict';

const fs = require('fs');
const path = require('path');

// Every node keeps every byte for ever, so there are limits on everything.
const CHUNK_BYTES_MAX = 1024 * 1024;
const FILE_BYTES_MAX = 64 * CHUNK_BYTES_MAX;
const STORE_BYTES_MAX = 4 * FILE_BYTES_MAX;

const error = (what) => JSON.stringify({ error: what });
const size_of = (file) => fs.statSync(file, { throwIfNoEntry: false })?.size;

/** Sorted by name: the order of a directory differs from node to node. */
function entries_of(folder) {
    if (!fs.existsSync(folder)) return [];
    const names = fs.readdirSync(folder).sort();
    return names.map((name) => ({ name, size: size_of(path.join(folder, name)) }));
}

function bytes_used() {
    const entries = [...entries_of('files'), ...entries_of('uploads')];
    return entries.reduce((sum, { size }) => sum + size, 0);
}

function put(name, offset, total, bytes) {
    const upload = path.join('uploads', name);
    const have = size_of(upload) ?? 0;
    if (bytes.length > CHUNK_BYTES_MAX) return error('a chunk has 1 MiB at most');
    if (total > FILE_BYTES_MAX) return error('a file has 64 MiB at most');
    if (offset !== 0 && offset !== have) {
        return JSON.stringify({ error: 'not the next chunk', next: have }); // so clients can go on
    }
    if (offset + bytes.length > total) return error('more than the announced total');
    if (bytes_used() - (offset === 0 ? have : 0) + bytes.length > STORE_BYTES_MAX) {
        return error('the store is full');
    }
    fs.mkdirSync('uploads', { recursive: true });
    fs.writeFileSync(upload, bytes, { flag: offset === 0 ? 'w' : 'a' });
    const next = offset + bytes.length;
    if (next === total) {
        fs.mkdirSync('files', { recursive: true });
        fs.renameSync(upload, path.join('files', name));
    }
    return JSON.stringify({ name, next, total, done: next === total });
}

function get(name, offset, length) {
    const file = path.join('files', name);
    if (size_of(file) === undefined) return error('there is no such file');
    const out = Buffer.alloc(Math.min(length, CHUNK_BYTES_MAX));
    const fd = fs.openSync(file);
    const got = fs.readSync(fd, out, 0, out.length, Math.min(offset, FILE_BYTES_MAX));
    fs.closeSync(fd);
    return out.subarray(0, got);
}

function stat(name) {
    for (const folder of ['files', 'uploads']) {
        const size = size_of(path.join(folder, name));
        if (size !== undefined) return JSON.stringify({ name, size, done: folder === 'files' });
    }
    return error('there is no such file');
}

function remove(name) {
    const found = ['files', 'uploads'].map((folder) => path.join(folder, name));
    const there = found.filter((file) => size_of(file) !== undefined);
    there.forEach((file) => fs.rmSync(file));
    return there.length > 0 ? JSON.stringify({ deleted: name }) : error('there is no such file');
}

/** The answer: JSON, or of "get" the bytes themselves. */
function handle(request, readonly) {
    const line_end = request.indexOf('\n');
    const line = request.toString('latin1', 0, line_end < 0 ? request.length : line_end);
    if (line === 'list' && line_end < 0) return JSON.stringify({ files: entries_of('files') });
    const [verb, name = '', ...rest] = line.split(' ');
    const numbers = rest.every((word) => /^\d{1,15}$/.test(word)) ? rest.map(Number) : [];
    const puts = verb === 'put' && rest.length === 2 && numbers.length === 2 && line_end >= 0;
    const gets = verb === 'get' && rest.length === 2 && numbers.length === 2;
    const named = (verb === 'stat' || verb === 'delete') && line.split(' ').length === 2;
    if (!puts && !gets && !named) {
        return error('unknown request; try put, get, stat, list or delete');
    }
    // A name is part of a path on every node: nothing in it may lead elsewhere.
    if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(name)) {
        return error('a name has up to 64 letters, digits, dots, dashes and underscores');
    }
    if (readonly && (puts || verb === 'delete')) {
        return error('a read request cannot change state; send this as an input');
    }
    if (puts) return put(name, ...numbers, request.subarray(line_end + 1));
    if (gets) return get(name, ...numbers);
    return verb === 'stat' ? stat(name) : remove(name);
}

module.exports = { handle };
