// SPDX-License-Identifier: Apache-2.0
//
// Runs the suites named as arguments (default: all) against the built node:
//     node run.mjs [conformance] [contract] [interop] [hostile] [bad] [real] [recovery]
//                  [cluster] [sdk] [dashboard]
// or some files of them: node run.mjs cluster/crashes cluster/network
// HP_BIN_DIR names the directory of hpnode, HP_PROBE the probe contract.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const all_suites = [
    'conformance',
    'contract',
    'interop',
    'hostile',
    'bad',
    'real',
    'recovery',
    'cluster',
    'sdk',
    'dashboard',
];
// Files at a time. The suites wait more than they compute; hostile tests measure, recovery tests
// have many tests of a file running at once, cluster tests many nodes.
const concurrency = {
    conformance: 3,
    contract: 3,
    interop: 2,
    hostile: 2,
    bad: 2,
    real: 2,
    recovery: 3,
    cluster: 2,
    sdk: 2,
    dashboard: 1,
};

function main(wanted) {
    const files = new Map(); // by suite
    for (const item of wanted) {
        const [suite, name] = item.split('/');
        if (!all_suites.includes(suite)) {
            console.error(`unknown suite "${suite}"; there are ${all_suites.join(', ')}`);
            return 2;
        }
        const found = files_of(suite, name);
        if (found.length === 0) {
            console.error(`no file "${item}.test.mjs"`);
            return 2;
        }
        files.set(suite, [...(files.get(suite) ?? []), ...found]);
    }
    install_modules();
    return [...files].map(run_files).some((status) => status !== 0) ? 1 : 0;
}

/** All test files of a suite, or the one of that name. */
function files_of(suite, name) {
    const is_wanted = (file) => (name ? file === `${name}.test.mjs` : /\.test\.mjs$/.test(file));
    const names = fs.readdirSync(path.join(here, suite)).filter(is_wanted);
    return names.sort().map((file) => path.join(suite, file));
}

function install_modules() {
    if (fs.existsSync(path.join(here, 'node_modules'))) return;
    const flags = ['install', '--omit=dev', '--no-audit', '--no-fund'];
    const result = spawnSync('npm', flags, { cwd: here, stdio: 'inherit' });
    if (result.status !== 0) throw new Error('npm install failed');
}

function run_files([suite, files]) {
    const flags = ['--test', '--test-reporter=spec'];
    // Older versions choose the number of parallel files themselves.
    if (supports_concurrency()) {
        flags.push(`--test-concurrency=${concurrency[suite]}`);
    }
    return spawnSync(process.execPath, [...flags, ...files], { cwd: here, stdio: 'inherit' })
        .status;
}

function supports_concurrency() {
    const [major, minor] = process.versions.node.split('.').map(Number);
    return major > 20 || (major === 20 && minor >= 10);
}

const requested = process.argv.slice(2);
process.exitCode = main(requested.length > 0 ? requested : all_suites);
