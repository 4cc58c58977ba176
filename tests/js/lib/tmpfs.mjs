// SPDX-License-Identifier: Apache-2.0
//
// A small file system of its own for one node, in a mount namespace that only the node's processes
// enter. Tests reach its files through /proc/<pid>/root of the process that holds the namespace.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { patience_ms, within } from './util.mjs';

const hold_seconds = 900; // the holder ends by itself if the tests are killed
const chunk = Buffer.alloc(65536, 'x');

export class Tmpfs {
    /** Null where namespaces are not allowed; `Tmpfs.problem` says why. */
    static async make(size_kib) {
        const mount_point = fs.mkdtempSync(path.join(os.tmpdir(), 'hp-js-test-'));
        const script =
            'mount -t tmpfs -o "size=$1k,mode=0755" tmpfs "$2" && echo ready && exec sleep "$3"';
        const words = ['-rm', 'sh', '-c', script, 'sh', size_kib, mount_point, hold_seconds];
        const holder = spawn('unshare', words.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
        const said = { stdout: '', stderr: '' };
        const ready = new Promise((resolve) => {
            holder.once('error', (error) => resolve(error.message));
            holder.once('exit', () => resolve(said.stderr || 'unshare failed'));
            holder.stderr.on('data', (data) => (said.stderr += data));
            holder.stdout.on('data', (data) => {
                said.stdout += data;
                if (said.stdout.includes('ready')) resolve('');
            });
        });
        Tmpfs.problem = await within(ready, patience_ms, 'a mount of its own');
        if (!Tmpfs.problem) return new Tmpfs(holder, mount_point);
        fs.rmdirSync(mount_point);
        return null;
    }

    constructor(holder, mount_point) {
        this.holder = holder;
        this.mount_point = mount_point;
        this.on_exit = () => holder.kill('SIGKILL');
        process.once('exit', this.on_exit);
    }

    // ---- what TestNode asks of a place

    make_root() {
        return this.outside(this.mount_point);
    }

    command(words) {
        const enter = ['nsenter', '--preserve-credentials', '-U', '-m', '-t', this.holder.pid];
        return [...enter.map(String), '--', ...words];
    }

    inside(name) {
        const prefix = this.outside('/').replace(/\/$/, '');
        return name.startsWith(prefix) ? name.slice(prefix.length) : name;
    }

    outside(name) {
        return path.posix.join(`/proc/${this.holder.pid}/root`, name);
    }

    // ---- filling it

    // In a directory of its own: Landlock rules of a node keep the space of a file right beside the
    // node's directory, as long as the node runs, also when the file is removed.
    get ballast() {
        return this.outside(path.join(this.mount_point, 'other', 'ballast'));
    }

    /** Leaves about `bytes_left` free. What filled it before stays. */
    fill(bytes_left = 0) {
        fs.mkdirSync(path.dirname(this.ballast), { recursive: true });
        const { bavail, bsize } = fs.statfsSync(path.dirname(this.ballast));
        const fd = fs.openSync(this.ballast, 'a');
        // Never more than that, not even for a moment: the node may be writing.
        let room = bytes_left > 0 ? bavail * bsize - bytes_left : Infinity;
        try {
            while (room > 0) room -= fs.writeSync(fd, chunk, 0, Math.min(chunk.length, room));
        } catch (error) {
            if (error.code !== 'ENOSPC') throw error;
        } finally {
            fs.closeSync(fd);
        }
    }

    /** Changes how much fits. */
    resize(size_kib) {
        this.remount(`size=${size_kib}k`);
    }

    /** Leaves room for so many more files. */
    limit_files(count) {
        const { files, ffree } = fs.statfsSync(this.outside(this.mount_point));
        this.remount(`nr_inodes=${files - ffree + count}`);
    }

    remount(option) {
        const words = ['mount', '-o', `remount,${option}`, this.mount_point];
        const [file, ...args] = this.command(words);
        const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
        if (status !== 0) throw new Error(`remount,${option} failed: ${stderr}`);
    }

    free() {
        fs.rmSync(this.ballast, { force: true });
    }

    async dispose() {
        process.removeListener('exit', this.on_exit);
        this.holder.kill('SIGKILL');
        await new Promise((resolve) => {
            if (this.holder.exitCode !== null || this.holder.signalCode) resolve();
            else this.holder.once('exit', resolve);
        });
        fs.rmdirSync(this.mount_point);
    }
}
