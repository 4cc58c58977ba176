// SPDX-License-Identifier: Apache-2.0
//
// A TCP or TLS connection below the websocket layer: for upgrade requests in pieces, frames that
// no websocket library would send, and peers that stop talking half way.

import crypto from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';

import { patience_ms, until } from './util.mjs';

export class RawSocket {
    static async open(node, { secure = true, local_address = '127.0.0.1', tls_options = {} } = {}) {
        const at = { host: '127.0.0.1', port: node.port, localAddress: local_address };
        const socket = secure
            ? tls.connect({ ...at, rejectUnauthorized: false, ...tls_options })
            : net.connect(at);
        const raw = new RawSocket(socket, local_address);
        raw.connected = await new Promise((resolve) => {
            socket.once(secure ? 'secureConnect' : 'connect', () => resolve(true));
            socket.once('close', () => resolve(false));
        });
        return raw;
    }

    /** TLS and upgrade done; frames can be written. */
    static async open_websocket(node, options = {}) {
        const raw = await RawSocket.open(node, options);
        raw.write(upgrade_request());
        await raw.wait_head();
        return raw;
    }

    constructor(socket, label) {
        this.socket = socket;
        this.label = label;
        this.received = Buffer.alloc(0);
        this.ended_at_ms = null;
        this.error = null;
        socket.setNoDelay(true);
        socket.on('data', (data) => {
            this.received = Buffer.concat([this.received, data]);
        });
        socket.on('error', (error) => {
            this.error = error;
        });
        const note_end = () => {
            this.ended_at_ms ??= Date.now();
        };
        socket.on('end', note_end);
        socket.on('close', note_end);
    }

    get ended() {
        return this.ended_at_ms !== null;
    }

    write(data) {
        if (!this.socket.destroyed) this.socket.write(data);
    }

    async wait_ended(timeout_ms = patience_ms) {
        await until(() => this.ended, {
            timeout_ms,
            what: `end of the connection; ${this.explain()}`,
        });
        return this.ended_at_ms;
    }

    /** The HTTP response head, once it is complete. */
    async wait_head() {
        await until(() => this.received.includes('\r\n\r\n') || this.ended, {
            what: `upgrade response; ${this.explain()}`,
        });
        const at = this.received.indexOf('\r\n\r\n');
        if (at < 0)
            throw new Error(`connection ended before the upgrade response; ${this.explain()}`);
        this.body_at = at + 4;
        return this.received.subarray(0, at).toString();
    }

    /** Complete frames received after the head. */
    frames() {
        return parse_frames(this.received.subarray(this.body_at));
    }

    async wait_frame(wanted) {
        let found;
        await until(
            () => {
                found = this.frames().find(wanted);
                return found || this.ended;
            },
            { what: `frame; ${this.explain()}` },
        );
        if (!found) throw new Error(`connection ended before the frame; ${this.explain()}`);
        return found;
    }

    destroy() {
        this.socket.destroy();
    }

    explain() {
        const text = this.received
            .subarray(-300)
            .toString('latin1')
            .replace(/[^\x20-\x7e]/g, '.');
        const error = this.error ? `, error ${this.error.message}` : '';
        return `[raw ${this.label}] received ${this.received.length} bytes "${text}"${error}`;
    }
}

export function upgrade_request({ extra = [], path = '/' } = {}) {
    return [
        `GET ${path} HTTP/1.1`,
        'Host: 127.0.0.1',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Key: ${crypto.randomBytes(16).toString('base64')}`,
        'Sec-WebSocket-Version: 13',
        ...extra,
        '\r\n',
    ].join('\r\n');
}

/** One frame with every header bit under the caller's control. */
export function make_frame(payload, { opcode = 2, fin = true, rsv = 0, masked = true } = {}) {
    const body = Buffer.from(payload);
    const mask = masked ? crypto.randomBytes(4) : Buffer.alloc(0);
    const first = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
    const coded = masked ? body.map((byte, at) => byte ^ mask[at % 4]) : body;
    return Buffer.concat([first, length_field(body.length, masked), mask, coded]);
}

/** The length bytes alone, for frames that announce more than they carry. */
export function length_field(length, masked = true) {
    const bit = masked ? 0x80 : 0;
    if (length < 126) return Buffer.from([bit | length]);
    if (length < 65536) return Buffer.from([bit | 126, length >> 8, length & 0xff]);
    const field = Buffer.alloc(9);
    field[0] = bit | 127;
    field.writeBigUInt64BE(BigInt(length), 1);
    return field;
}

function parse_frames(bytes) {
    const frames = [];
    let at = 0;
    while (at + 2 <= bytes.length) {
        let length = bytes[at + 1] & 0x7f;
        let head = 2;
        if (length === 126) head = 4;
        if (length === 127) head = 10;
        if (at + head > bytes.length) break;
        if (length === 126) length = bytes.readUInt16BE(at + 2);
        else if (length === 127) length = Number(bytes.readBigUInt64BE(at + 2));
        if (at + head + length > bytes.length) break;
        frames.push({
            fin: (bytes[at] & 0x80) !== 0,
            opcode: bytes[at] & 0x0f,
            masked: (bytes[at + 1] & 0x80) !== 0,
            payload: bytes.subarray(at + head, at + head + length),
        });
        at += head + length;
    }
    return frames;
}
