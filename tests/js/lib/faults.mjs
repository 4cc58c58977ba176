// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with the machine of one node: tests/support/faults, a library in front of the node,
// reads it from a small file. Changes count at once, and for later starts of the node as well.

import fs from 'node:fs';
import path from 'node:path';

// Order and size of the numbers in the file.
const names = ['clock_ms', 'sync_ms', 'die_at', 'die_after', 'syncs'];
const number_bytes = 8;
const file_name = 'faults';

export class Faults {
    /** In the directory of the node, which knows it by another name if it lives elsewhere. */
    constructor(node, library) {
        this.library = library;
        this.path = path.join(node.root, file_name);
        this.own_path = node.place.inside(this.path);
        fs.writeFileSync(this.path, Buffer.alloc(names.length * number_bytes), { mode: 0o666 });
    }

    /** The environment of a node with these faults. */
    environment() {
        const { ASAN_OPTIONS: sanitizer = '' } = process.env;
        return {
            LD_PRELOAD: this.library,
            HP_FAULT_FILE: this.own_path,
            // A sanitized node would refuse to start behind a library that is not.
            ASAN_OPTIONS: `${sanitizer}:verify_asan_link_order=0`,
        };
    }

    /**
     * clock_ms: how far the clock is ahead; sync_ms: how much longer each sync to disk takes;
     * die_at: the node kills itself at the n-th sync from now, with die_after 1 when it is done.
     */
    set(changes) {
        const fd = fs.openSync(this.path, 'r+');
        try {
            for (const [name, value] of Object.entries(changes)) {
                const bytes = Buffer.alloc(number_bytes);
                bytes.writeBigInt64LE(BigInt(Math.round(value)));
                fs.writeSync(fd, bytes, 0, number_bytes, names.indexOf(name) * number_bytes);
            }
        } finally {
            fs.closeSync(fd);
        }
    }

    /** How often the node has synced something to its disk. */
    get syncs() {
        const at = names.indexOf('syncs') * number_bytes;
        return Number(fs.readFileSync(this.path).readBigInt64LE(at));
    }
}
