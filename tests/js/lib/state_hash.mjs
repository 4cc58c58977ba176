// SPDX-License-Identifier: Apache-2.0
//
// The state root as docs/protocol/state.md defines it, computed from a directory: what a ledger
// says about the state can be compared with what is on disk.

import fs from 'node:fs';

import { b3 } from './crypto.mjs';

const chunk_bytes = 65536;
const types = { file: 1, directory: 2, symlink: 3 };
const modes = { plain: 0o644, executable: 0o755, directory: 0o755, symlink: 0o777 };

function u32(value) {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(value);
    return out;
}

function u64(value) {
    const out = Buffer.alloc(8);
    out.writeBigUInt64BE(BigInt(value));
    return out;
}

const with_length = (bytes) => Buffer.concat([u32(bytes.length), bytes]);

function file_hash(content, mode) {
    const chunks = [];
    for (let at = 0; at < content.length; at += chunk_bytes) {
        chunks.push(b3('hpstchk1', content.subarray(at, at + chunk_bytes)));
    }
    return b3('hpstfil1', u32(mode), u64(content.length), ...chunks);
}

function entry_of(name) {
    const stat = fs.lstatSync(name);
    if (stat.isDirectory()) {
        return { type: types.directory, mode: modes.directory, hash: directory_hash(name) };
    }
    if (stat.isSymbolicLink()) {
        const target = Buffer.from(fs.readlinkSync(name));
        const hash = b3('hpstlnk1', with_length(target));
        return { type: types.symlink, mode: modes.symlink, hash };
    }
    const mode = stat.mode & 0o100 ? modes.executable : modes.plain;
    return { type: types.file, mode, hash: file_hash(fs.readFileSync(name), mode) };
}

function directory_hash(directory) {
    const names = fs.readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare);
    const parts = names.map((name) => {
        const entry = entry_of(Buffer.concat([Buffer.from(directory), Buffer.from('/'), name]));
        const head = Buffer.concat([with_length(name), Buffer.from([entry.type])]);
        return Buffer.concat([head, u32(entry.mode), entry.hash]);
    });
    return b3('hpstdir1', ...parts);
}

export const state_root_hex = (directory) => directory_hash(directory).toString('hex');

/** The config root of this content of patch.cfg. */
export const config_root_hex = (content) => file_hash(content, modes.plain).toString('hex');
