// SPDX-License-Identifier: Apache-2.0
//
// The network between the nodes of a cluster: one TCP proxy per ordered pair of nodes, each in
// front of the second node's mesh port. Either of two nodes may be the one that connected, so what
// is set for the direction from a to b holds for all bytes that go there, whoever called.
//
// A rule: { delay_ms, held, cut }. Held bytes wait until the direction is let go. A pair of which a
// direction is cut has no connection and gets none.

import net from 'node:net';

import { free_port } from './util.mjs';

const free = { delay_ms: 0, held: false, cut: false };
const waiting_bytes_max = 16 * 1024 * 1024;

const name_of = (from, to) => `${from}>${to}`;

/** The bytes of one direction of one connection. */
class Pipe {
    constructor(source, sink, rule_of) {
        this.source = source;
        this.sink = sink;
        this.rule_of = rule_of;
        this.waiting = []; // { bytes, due_ms }; bytes null: the end
        this.waiting_bytes = 0;
        this.timer = null;
        source.on('data', (bytes) => this.take(bytes));
        source.on('end', () => this.take(null));
    }

    take(bytes) {
        this.waiting.push({ bytes, due_ms: Date.now() + this.rule_of().delay_ms });
        this.waiting_bytes += bytes?.length ?? 0;
        if (this.waiting_bytes > waiting_bytes_max) this.source.pause();
        this.pump();
    }

    pump() {
        clearTimeout(this.timer);
        while (this.waiting.length > 0 && !this.rule_of().held && !this.sink.destroyed) {
            const [{ bytes, due_ms }] = this.waiting;
            const wait_ms = due_ms - Date.now();
            if (wait_ms > 0) {
                this.timer = setTimeout(() => this.pump(), wait_ms);
                return;
            }
            this.waiting.shift();
            if (bytes === null) {
                this.sink.end();
            } else {
                this.waiting_bytes -= bytes.length;
                this.sink.write(bytes);
            }
        }
        if (this.waiting_bytes <= waiting_bytes_max) this.source.resume();
    }

    stop() {
        clearTimeout(this.timer);
        this.waiting = [];
    }
}

export class Links {
    constructor() {
        this.rules = new Map();
        this.servers = [];
        this.wires = new Set(); // { from, to, sockets, pipes }
    }

    /** A port that leads from node `from` to the mesh port of node `to`. */
    async open(from, to, mesh_port) {
        const port = await free_port();
        const server = net.createServer((socket) => this.connect(from, to, socket, mesh_port));
        await new Promise((resolve, reject) => {
            server.once('error', reject);
            server.listen({ port, host: '127.0.0.1' }, resolve);
        });
        this.servers.push(server);
        return port;
    }

    rule(from, to) {
        return this.rules.get(name_of(from, to)) ?? free;
    }

    is_cut(a, b) {
        return this.rule(a, b).cut || this.rule(b, a).cut;
    }

    connect(from, to, caller, mesh_port) {
        caller.on('error', () => {});
        if (this.is_cut(from, to)) {
            caller.resetAndDestroy();
            return;
        }
        const called = net.connect({ port: mesh_port, host: '127.0.0.1', allowHalfOpen: true });
        called.on('error', () => {});
        const wire = {
            from,
            to,
            sockets: [caller, called],
            pipes: [
                new Pipe(caller, called, () => this.rule(from, to)),
                new Pipe(called, caller, () => this.rule(to, from)),
            ],
        };
        for (const socket of wire.sockets) {
            socket.setNoDelay(true);
            socket.on('close', () => this.drop(wire));
        }
        this.wires.add(wire);
    }

    drop(wire) {
        this.wires.delete(wire);
        for (const pipe of wire.pipes) pipe.stop();
        for (const socket of wire.sockets) socket.destroy();
    }

    /** Changes the rule for the bytes from one node to another. */
    set(from, to, change) {
        this.rules.set(name_of(from, to), { ...this.rule(from, to), ...change });
        if (this.is_cut(from, to)) this.reset(from, to);
        for (const wire of this.wires) {
            for (const pipe of wire.pipes) pipe.pump();
        }
    }

    /** The same for every direction between nodes of different groups. */
    divide(groups, change) {
        for (const [at, group] of groups.entries()) {
            const others = groups.filter((_, other) => other !== at).flat();
            for (const from of group) {
                for (const to of others) this.set(from, to, change);
            }
        }
    }

    /** Everything as it was: what was held arrives. */
    heal() {
        this.rules.clear();
        for (const wire of this.wires) {
            for (const pipe of wire.pipes) pipe.pump();
        }
    }

    /** Ends the connections of a pair; they may connect again unless they are cut. */
    reset(a, b) {
        for (const wire of [...this.wires]) {
            const same = (wire.from === a && wire.to === b) || (wire.from === b && wire.to === a);
            if (same) this.drop(wire);
        }
    }

    close() {
        for (const wire of [...this.wires]) this.drop(wire);
        for (const server of this.servers) server.close();
    }
}
