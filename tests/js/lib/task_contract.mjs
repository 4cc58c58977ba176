// SPDX-License-Identifier: Apache-2.0
//
// A contract that does what a test tells it to from outside: each run first executes the shell
// script that the test has put beside the state, if there is one, and then behaves as the probe
// contract. It lives outside the state, which it may destroy.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { probe_path } from './node.mjs';
import { until } from './util.mjs';

const script = `#!/bin/sh
if mv ../task.sh ../task.run 2>/dev/null; then
    {
        PATH=/usr/sbin:/usr/bin:/sbin:/bin sh ../task.run </dev/null 2>&1
        echo "$?" >&3
    } >../task.log 3>../task.end # opened before: the task may close the directory
fi
exec ${probe_path}
`;

/** The contract, in a directory of its own that lasts as long as the test process. */
export function task_contract() {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-task-'));
    process.once('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
    fs.chmodSync(directory, 0o755);
    const bin_path = path.join(directory, 'contract.sh');
    fs.writeFileSync(bin_path, script, { mode: 0o755 });
    return { files: [], bin_path };
}

const private_file = (node, name) => path.join(path.dirname(node.state_dir), name);

/** Has the next run execute `lines`, and waits until it has: what they printed. */
export async function run_task(node, lines, { uid, expected_end = '0' } = {}) {
    for (const name of ['task.run', 'task.log', 'task.end'])
        fs.rmSync(private_file(node, name), { force: true });
    const task = private_file(node, 'task.new');
    fs.writeFileSync(task, `${lines}\n`);
    if (uid !== undefined) fs.chownSync(task, uid, uid);
    fs.renameSync(task, private_file(node, 'task.sh'));
    const read = (name) => {
        try {
            return fs.readFileSync(private_file(node, name), 'latin1');
        } catch {
            return '';
        }
    };
    const end = await until(() => read('task.end').trim(), {
        timeout_ms: 60000,
        what: `end of the task; so far: ${read('task.log')}`,
    });
    const log = read('task.log');
    if (expected_end !== null && end !== expected_end)
        throw new Error(`the task ended with ${end}: ${log}`);
    return log;
}
