// SPDX-License-Identifier: Apache-2.0
//
// Whether nodes with state.backend = tracked can run here, which takes FUSE.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import process from 'node:process';

const others_may_all = 0o006;

// As the node does it: in a mount namespace of one's own, of a user's own where need be.
const probe =
    'exec 3<>/dev/fuse && ' +
    'mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 probe /mnt';

let known = null;

/** Why they cannot; empty when they can. */
export function tracked_problem({ unprivileged = false } = {}) {
    known ??= find_problem();
    if (known || !unprivileged || process.getuid() !== 0) return known;
    const { mode } = fs.statSync('/dev/fuse');
    return (mode & others_may_all) === others_may_all ? '' : 'only root may open /dev/fuse';
}

function find_problem() {
    const flags = process.getuid() === 0 ? ['-m'] : ['-Urm'];
    const { status, error, stderr } = spawnSync('unshare', [...flags, 'sh', '-c', probe]);
    if (status === 0) return '';
    return `no FUSE: ${error?.message ?? stderr.toString().trim()}`;
}

/** Mounts that a node of this directory has left where everybody sees them. */
export function stale_mounts(directory) {
    return fs
        .readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(directory));
}
