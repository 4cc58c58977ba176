// SPDX-License-Identifier: Apache-2.0
//
// Starts real nodes in temporary directories and gets rid of them again.
// Every child is remembered with its pid; what is still there when the test process exits is
// killed, including processes that a contract left behind.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Faults } from './faults.mjs';
import { free_port, patience_ms, sleep, until, within } from './util.mjs';

const js_root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const bin_dir = path.resolve(
    process.env.HP_BIN_DIR ?? path.join(js_root, '..', '..', 'build', 'dev', 'bin'),
);
export const hpnode_path = path.join(bin_dir, 'hpnode');
export const probe_path = path.resolve(
    process.env.HP_PROBE ?? path.join(bin_dir, 'probe_contract'),
);
const faults_path = path.join(bin_dir, 'libhp_faults.so');
const native_dir = path.resolve(process.env.HP_CONTRACTS ?? bin_dir);
export const contracts_dir = path.join(js_root, 'contracts');
export const modules_dir = path.join(js_root, 'node_modules');

// The readiness check connects from here: early disconnects may count as faults of their address.
const readiness_ip = '127.0.0.250';
const console_lines_max = 400;
const mark_name = 'HP_TEST_NODE';

const live_nodes = new Set();

/** Quick and regular ledgers: most tests care about the order of ledgers, not about their pace. */
const base_config = {
    node: { pace: 'paced', history_config: { max_primary_shards: 1, max_raw_shards: 1 } },
    contract: { consensus: { roundtime: 250 }, max_input_ledger_offset: 200 },
    log: { loggers: ['file'] },
};

/** Runs `hpnode` with these arguments to its end: { code, signal, stdout, stderr }. */
export function hpnode(args, { place = host_place, ...options } = {}) {
    const [file, ...rest] = place.command([hpnode_path, ...args]);
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const result = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (result.stdout += data));
    child.stderr.on('data', (data) => (result.stderr += data));
    const ended = new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code, signal) => resolve({ ...result, code, signal }));
    });
    return within(ended, patience_ms, `end of hpnode ${args.join(' ')}`).catch((error) => {
        child.kill('SIGKILL');
        throw error;
    });
}

/** Where nodes live: the tests' own file system. `lib/tmpfs.mjs` has another one. */
export const host_place = {
    make_root: () => fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-test-')),
    command: (words) => words,
    inside: (name) => name,
};

export class TestNode {
    /**
     * options.config    merged over hp.cfg
     * options.contract  'probe', or { files: [[from, name]], texts: { name: text }, bin_path,
     *                   bin_args }: files and texts go to the state directory, texts executable
     * options.place     where its directory is made and how it is started; the default is the
     *                   temporary directory, as the user that runs the tests
     * options.inherits  files that the node inherits open, beside its standard streams
     * options.faulty    the machine of the node can be made to fail: `faults`, a lib/faults.mjs
     */
    static async start(options = {}) {
        for (let tries = 0; ; tries += 1) {
            const node = new TestNode(options);
            try {
                await node.create();
                await node.run();
                return node;
            } catch (error) {
                const tail = node.log_tail();
                await node.dispose({ expect_clean: false });
                // Somebody may take a port between its choice and its use.
                if (tries < 2 && /address already in use/i.test(tail)) continue;
                error.message += `\n--- ${node.name} log\n${tail}`;
                throw error;
            }
        }
    }

    constructor({
        name = 'node',
        config = {},
        contract = 'probe',
        place = host_place,
        inherits = [],
        faulty = false,
    } = {}) {
        this.name = name;
        this.place = place;
        this.inherits = inherits;
        this.faulty = faulty;
        this.faults = null;
        this.config_override = config;
        this.contract = contract === 'probe' ? probe_contract() : contract;
        this.root = null;
        this.child = null;
        this.exit = null;
        this.console_lines = [];
    }

    get dir() {
        return path.join(this.root, 'node');
    }
    /** The directory by the name that hpnode itself knows it by. */
    get own_dir() {
        return this.place.inside(this.dir);
    }
    get cfg_path() {
        return path.join(this.dir, 'cfg', 'hp.cfg');
    }
    get patch_path() {
        return path.join(this.dir, 'contract_fs', 'seed', 'patch.cfg');
    }
    /** Whoever connects is told what `hpnode status --json` prints. */
    get status_path() {
        return path.join(this.dir, 'cfg', 'hpnode.sock');
    }
    get log_path() {
        return path.join(this.dir, 'log', 'hp.log');
    }
    get state_dir() {
        return path.join(this.dir, 'contract_fs', 'seed', 'state');
    }
    /** Where the node-private files of the contract are: its `..`. */
    get private_dir() {
        return path.dirname(this.state_dir);
    }
    get url() {
        const scheme = this.cfg.user.plain_ws ? 'ws' : 'wss';
        return `${scheme}://127.0.0.1:${this.port}`;
    }
    get pid() {
        return this.child.pid;
    }
    get running() {
        return this.child !== null && this.exit === null;
    }

    async create() {
        this.root = this.place.make_root();
        live_nodes.add(this);
        const made = await this.command('new');
        if (made.code !== 0) {
            throw new Error(`hpnode new failed with ${made.code}: ${made.stderr}${made.stdout}`);
        }
        await this.write_config();
        for (const [from, name] of this.contract.files ?? []) {
            fs.cpSync(from, path.join(this.state_dir, name), { recursive: true });
        }
        for (const [name, text] of Object.entries(this.contract.texts ?? {})) {
            const full = path.join(this.state_dir, name);
            fs.mkdirSync(path.dirname(full), { recursive: true });
            fs.writeFileSync(full, text, { mode: 0o755 });
        }
        if (this.faulty) this.faults = new Faults(this, faults_path);
        this.place.adopt?.(this.root);
    }

    /** `hpnode <words> DIR [flags]`. */
    command(words, ...flags) {
        return hpnode([...words.split(' '), this.own_dir, ...flags], { place: this.place });
    }

    read_config() {
        return JSON.parse(fs.readFileSync(this.cfg_path, 'utf8'));
    }

    /** What an operator does while the node is stopped. */
    edit_config(changes) {
        this.cfg = this.read_config();
        merge(this.cfg, changes);
        fs.writeFileSync(this.cfg_path, JSON.stringify(this.cfg, null, 4));
    }

    async write_config() {
        const cfg = this.read_config();
        merge(cfg, base_config);
        merge(cfg, this.config_override);
        this.port = await free_port();
        cfg.user.port = this.port;
        cfg.mesh.port = await free_port();
        cfg.contract.bin_path = this.contract.bin_path;
        cfg.contract.bin_args = this.contract.bin_args ?? '';
        cfg.contract.environment = {
            ...cfg.contract.environment,
            [mark_name]: path.basename(this.root),
        };
        fs.writeFileSync(this.cfg_path, JSON.stringify(cfg, null, 4));
        this.cfg = cfg;
    }

    /** Runs the node and returns when its user port accepts connections. */
    async run() {
        this.spawn();
        await this.await_ready();
    }

    /** The same, but a node that refuses to start is a result too: its exit, else null. */
    async try_run() {
        this.spawn();
        try {
            await this.await_ready();
        } catch (error) {
            if (!this.exit) throw error;
        }
        return this.exit;
    }

    /** Starts the process and returns at once. */
    spawn({ directory = this.own_dir, cwd = this.root } = {}) {
        this.exit = null;
        const [file, ...args] = this.place.command([hpnode_path, 'run', directory]);
        const inherited = this.inherits.map((name) => fs.openSync(name, 'r'));
        this.child = spawn(file, args, {
            stdio: ['ignore', 'pipe', 'pipe', ...inherited],
            cwd,
            env: { ...process.env, ...this.faults?.environment() },
        });
        for (const fd of inherited) fs.closeSync(fd);
        this.exited = new Promise((resolve) => {
            this.child.once('error', (error) => {
                this.exit = { code: null, signal: null, error };
                resolve(this.exit);
            });
            this.child.once('exit', (code, signal) => {
                this.exit = { code, signal };
                resolve(this.exit);
            });
        });
        this.child.stdout.on('data', (data) => this.note_console(data));
        this.child.stderr.on('data', (data) => this.note_console(data));
    }

    async await_ready() {
        await until(
            () => {
                if (this.exit) {
                    const how = this.exit.error?.message ?? `code ${this.exit.code}`;
                    throw new Error(`hpnode ended while starting: ${how}`);
                }
                return answers(this.port);
            },
            { what: `answer on user port ${this.port}` },
        );
    }

    note_console(data) {
        this.console_lines.push(...data.toString().split('\n').filter(Boolean));
        this.console_lines.splice(0, this.console_lines.length - console_lines_max);
    }

    /** SIGTERM; the exit status is part of the result, SIGKILL is the fallback. */
    async stop(signal = 'SIGTERM') {
        if (!this.running) return this.exit;
        this.child.kill(signal);
        try {
            return await within(this.exited, patience_ms, 'exit of the node');
        } catch {
            this.child.kill('SIGKILL');
            return { ...(await this.exited), forced: true };
        }
    }

    async kill() {
        if (this.running) this.child.kill('SIGKILL');
        return this.exited;
    }

    /** Waits for the process to end by itself. */
    wait_exit() {
        return within(this.exited, patience_ms, 'exit of the node');
    }

    /** Resolves when the log has a line that matches, written after `from`. */
    wait_log(pattern, { from = 0 } = {}) {
        const find = () => {
            const lines = this.log_text().slice(from).split('\n');
            return lines.find((line) => pattern.test(line));
        };
        return until(find, { what: `log line ${pattern}` });
    }

    /** Stops the node, removes its directory, and complains if it did not end in good order. */
    async dispose({ expect_clean = true } = {}) {
        const was_running = this.running;
        const exit = this.child ? await this.stop() : null;
        const tail = expect_clean ? this.log_tail() : '';
        const left = expect_clean && this.child ? await this.await_no_leftovers() : [];
        this.kill_leftovers();
        this.remove();
        if (!expect_clean || !this.child) return;
        if (left.length > 0)
            throw new Error(`${this.name} left processes behind: ${left}\n${tail}`);
        if (!was_running)
            throw new Error(`${this.name} ended by itself: ${this.exit_text()}\n${tail}`);
        if (exit.code !== 0 || exit.forced) {
            throw new Error(`${this.name} did not stop cleanly: ${this.exit_text()}\n${tail}`);
        }
    }

    remove() {
        live_nodes.delete(this);
        if (this.root && !process.env.HP_KEEP_DIRS) {
            fs.rmSync(this.root, { recursive: true, force: true });
        }
    }

    exit_text() {
        if (!this.exit) return 'running';
        return `code ${this.exit.code}, signal ${this.exit.signal}`;
    }

    /** Contract processes by the mark in their environment, children of contracts included. */
    contract_processes() {
        const mark = `${mark_name}=${path.basename(this.root)}`;
        return other_pids().filter((pid) => environment_of(pid).includes(mark));
    }

    /** Processes that should be gone with the node: contracts, and what runs in its directory. */
    leftovers() {
        const in_directory = other_pids().filter((pid) => directory_of(pid).startsWith(this.root));
        const pids = new Set([...in_directory, ...this.contract_processes()]);
        if (this.running) pids.delete(this.child.pid);
        return [...pids];
    }

    async await_no_leftovers() {
        const deadline = Date.now() + patience_ms;
        while (this.leftovers().length > 0 && Date.now() < deadline) await sleep(50);
        return this.leftovers();
    }

    kill_leftovers() {
        if (!this.root) return;
        for (const pid of this.leftovers()) {
            try {
                process.kill(pid, 'SIGKILL');
            } catch {
                // It ended meanwhile.
            }
        }
    }

    log_text() {
        try {
            return fs.readFileSync(this.log_path, 'utf8');
        } catch {
            return '';
        }
    }

    log_lines() {
        return this.log_text().split('\n').filter(Boolean).length;
    }

    log_tail(count = 25) {
        if (!this.root) return '';
        const lines = this.log_text().split('\n').filter(Boolean).slice(-count);
        return [...lines, ...this.console_lines.slice(-count)].join('\n');
    }

    /** Resident memory of the node process. */
    rss_kb() {
        const status = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');
        return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]);
    }

    /** The most that was ever resident since the process started. */
    peak_rss_kb() {
        const status = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');
        return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)[1]);
    }

    open_fds() {
        return fs.readdirSync(`/proc/${this.pid}/fd`).length;
    }
}

/** Nodes by name, started on first use and shared by the tests of one file. */
export class NodePool {
    constructor(options_by_name) {
        this.options = options_by_name;
        this.nodes = new Map();
    }

    get(name) {
        if (!this.nodes.has(name)) {
            const options = { name, ...this.options[name] };
            this.nodes.set(name, TestNode.start(options));
        }
        return this.nodes.get(name);
    }

    async dispose() {
        const started = await Promise.allSettled(this.nodes.values());
        const nodes = started
            .filter((item) => item.status === 'fulfilled')
            .map((item) => item.value);
        const ended = await Promise.allSettled(nodes.map((node) => node.dispose()));
        const failed = ended.filter((item) => item.status === 'rejected');
        if (failed.length > 0)
            throw new Error(failed.map((item) => item.reason.message).join('\n'));
    }
}

/** Names a process for good: its pid may be given to another one. Empty when it is gone. */
export function identity_of(pid) {
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state === 'Z' ? '' : `${pid} started at ${fields[18]}`;
    } catch {
        return '';
    }
}

/** 0 when it is gone. */
export function parent_of(pid) {
    try {
        return Number(/^PPid:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
    } catch {
        return 0;
    }
}

export function probe_contract() {
    return { files: [[probe_path, 'probe_contract']], bin_path: 'probe_contract' };
}

/** A program built with the node, such as those of tests/contracts. "../name": beside the state. */
export function native_contract(program, args = '') {
    const from = path.join(native_dir, path.basename(program));
    return { files: [[from, program]], bin_path: program, bin_args: args };
}

/** What a contract gets when it asks for "hotpocket-nodejs-contract": npm's library, or ours. */
export const contract_libraries = ['published', 'own'];
const library_place = path.join('node_modules', 'hotpocket-nodejs-contract');
const library_files = {
    published: [path.join(modules_dir, 'hotpocket-nodejs-contract'), library_place],
    own: [
        path.join(js_root, '../../contract-sdk/js/hotpocket-contract.js'),
        path.join(library_place, 'index.js'),
    ],
};

/** A script contract, run by the Node.js that runs the tests, with its modules beside it. */
export function script_contract(script, { args = '', modules = [], library } = {}) {
    const files = [[path.join(contracts_dir, script), script]];
    if (library) files.push(library_files[library]);
    for (const module of modules) {
        files.push([path.join(modules_dir, module), path.join('node_modules', module)]);
    }
    return { files, bin_path: process.execPath, bin_args: `${script} ${args}`.trim() };
}

function merge(target, source) {
    for (const [key, value] of Object.entries(source)) {
        const nested = value !== null && typeof value === 'object' && !Array.isArray(value);
        if (nested && typeof target[key] === 'object') merge(target[key], value);
        else target[key] = value;
    }
}

function answers(port) {
    return new Promise((resolve) => {
        const socket = net.connect({ port, host: '127.0.0.1', localAddress: readiness_ip });
        socket.once('connect', () => {
            socket.destroy();
            resolve(true);
        });
        socket.once('error', () => resolve(false));
    });
}

function other_pids() {
    const names = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return names.map(Number).filter((pid) => pid !== process.pid);
}

// Processes may end between listing and looking.
function directory_of(pid) {
    try {
        return fs.readlinkSync(`/proc/${pid}/cwd`);
    } catch {
        return '';
    }
}

function environment_of(pid) {
    try {
        return fs.readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    } catch {
        return [];
    }
}

process.once('exit', () => {
    for (const node of live_nodes) {
        if (node.running) node.child.kill('SIGKILL');
        node.kill_leftovers();
        node.remove();
    }
});
for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
]) {
    process.once(signal, () => process.exit(code));
}
