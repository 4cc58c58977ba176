// SPDX-License-Identifier: Apache-2.0
//
// One test's clients: closed when the test ends, and quoted with the logs of their nodes when it
// fails, so that a failure can be understood without running it again.

import { test } from 'node:test';

import { TestNode } from './node.mjs';
import { RawClient } from './rawclient.mjs';
import { RawSocket } from './rawsocket.mjs';
import { sleep } from './util.mjs';

const test_timeout_ms = 180000;
const clients_shown_max = 4;
const death_notice_ms = 150;

export class Scope {
    constructor() {
        this.clients = [];
        this.sockets = [];
        this.nodes = new Set();
        this.owned = [];
        this.last_steps = [];
    }

    /** Something to do when the test is over and its nodes are gone. */
    at_end(step) {
        this.last_steps.push(step);
    }

    /** A node for this test alone; it has to end cleanly, unless the test ended it itself. */
    async start_node(options = {}) {
        const node = await TestNode.start(options);
        this.owned.push(node);
        return this.watch(node);
    }

    /** The same, not started yet. */
    async make_node(options = {}) {
        const node = new TestNode(options);
        this.owned.push(node);
        await node.create();
        return this.watch(node);
    }

    /** Makes the log of this node part of a failure message. */
    watch(node) {
        this.nodes.add(node);
        return node;
    }

    async connect(node, options = {}) {
        this.watch(node);
        return this.keep(await RawClient.connect(node, options));
    }

    async login(node, options = {}) {
        this.watch(node);
        return this.keep(await RawClient.login(node, options));
    }

    keep(client) {
        this.clients.push(client);
        return client;
    }

    async socket(node, options = {}) {
        this.watch(node);
        const socket = await RawSocket.open(node, options);
        this.sockets.push(socket);
        return socket;
    }

    async websocket(node, options = {}) {
        this.watch(node);
        const socket = await RawSocket.open_websocket(node, options);
        this.sockets.push(socket);
        return socket;
    }

    explain(error) {
        const lines = [error.message];
        for (const client of this.clients.slice(-clients_shown_max)) {
            if (!error.message.includes(`[${client.label}]`))
                lines.push(client.explain('last messages'));
        }
        for (const node of this.nodes) {
            const state = node.running ? 'running' : node.exit_text();
            lines.push(`--- log of node "${node.name}" (${state})`, node.log_tail());
        }
        const explained = new Error(lines.join('\n'));
        explained.stack = `${explained.message}\n${error.stack}`;
        return explained;
    }

    async close({ failed = false } = {}) {
        for (const socket of this.sockets) socket.destroy();
        await Promise.all(this.clients.map((client) => client.close()));
        const dispose = (node) => node.dispose({ expect_clean: node.running && !failed });
        const ends = await Promise.allSettled(this.owned.map(dispose));
        for (const step of this.last_steps) step();
        const problem = ends.find(({ status }) => status === 'rejected');
        if (problem) throw problem.reason;
    }
}

/** A test whose function receives its Scope. */
export function scoped_test(name, run, options = {}) {
    test(name, { timeout: test_timeout_ms, ...options }, async (context) => {
        const scope = new Scope();
        let failed = true;
        try {
            await run(scope, context);
            failed = false;
        } catch (error) {
            // A connection ends before the death of its node is known here.
            await sleep(death_notice_ms);
            throw scope.explain(error);
        } finally {
            await scope.close({ failed });
        }
    });
}
