// SPDX-License-Identifier: Apache-2.0
//
// Nodes that run as another user or with another umask than the tests. Each such user has a number
// of its own, so that whatever a contract does to "all my processes" stays within one node.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { host_place } from './node.mjs';

// Above the numbers that systems give to people and services; a test process uses ten in a row.
const uid_min = 200000;
const uids_per_process = 10;
let next_uid = uid_min + (process.pid % 30000) * uids_per_process;

/** A user that owns nothing and runs nothing. */
export function fresh_uid() {
    next_uid += 1;
    return next_uid;
}

/** Why nodes cannot run as another user here; empty when they can. */
export function other_user_problem(program) {
    if (process.getuid() !== 0) return 'only root can start nodes as another user';
    const words = [...as_user(uid_min), 'test', '-x', program];
    const { status, error } = spawnSync(words[0], words.slice(1));
    if (error) return `setpriv: ${error.message}`;
    return status === 0 ? '' : `${program} cannot be executed by other users`;
}

const as_user = (uid) => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];

/**
 * A place (lib/node.mjs) in `directory` whose nodes run as `uid` with `umask`; what is absent is
 * that of the tests.
 */
export function user_place({ uid, umask, directory = os.tmpdir() }) {
    const adopt = (root) => {
        if (uid !== undefined) own_all(root, uid);
    };
    return {
        ...host_place,
        make_root() {
            const root = fs.mkdtempSync(path.join(directory, 'hp-js-test-'));
            fs.chmodSync(root, 0o755); // a run_as user has to get to its files
            adopt(root);
            return root;
        },
        command(words) {
            const with_umask = ['sh', '-c', 'umask "$0" && exec "$@"', umask];
            return [
                ...(uid === undefined ? [] : as_user(uid)),
                ...(umask === undefined ? [] : with_umask),
                ...words,
            ];
        },
        adopt,
    };
}

function own_all(name, uid) {
    fs.lchownSync(name, uid, uid);
    if (!fs.lstatSync(name).isDirectory()) return;
    for (const child of fs.readdirSync(name)) own_all(path.join(name, child), uid);
}
