// SPDX-License-Identifier: Apache-2.0
//
// The contract SDK's JSON, BSON and patch.cfg against the implementations that JavaScript contracts
// and clients use: JSON.stringify and npm's bson. Byte for byte, on random documents. No node.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';

import { bin_dir } from '../lib/node.mjs';
import { range } from '../lib/util.mjs';

const bson = createRequire(import.meta.url)('bson');
const seed = Number(process.env.HP_SEED ?? 20260728);
const documents = 3000;

/** Mulberry32: the same documents for the same seed. */
function make_random(state) {
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let bits = Math.imul(state ^ (state >>> 15), 1 | state);
        bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
        return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
    };
}

class Documents {
    constructor(state) {
        this.random = make_random(state);
    }
    below(limit) {
        return Math.floor(this.random() * limit);
    }
    text() {
        const pieces = ['a', 'Z', '"', '\\', '/', '\n', '\b', '\f', '\t', '\r', '\u0000', '\u001f',
            '\u007f', 'é', '\u2028', '\u2029', '😀', '\ufffd', '\uffff'];
        return range(this.below(8)).map(() => pieces[this.below(pieces.length)]).join('');
    }
    number() {
        switch (this.below(5)) {
            case 0:
                return this.below(2 ** 31) * (this.below(2) === 0 ? 1 : -1);
            case 1:
                return (this.random() - 0.5) * 10 ** (this.below(600) - 300);
            case 2:
                return this.below(1000) / 8;
            case 3:
                return 10 ** (this.below(50) - 25);
            default: {
                const bits = new DataView(new ArrayBuffer(8));
                bits.setUint32(0, this.below(2 ** 32));
                bits.setUint32(4, this.below(2 ** 32));
                const number = bits.getFloat64(0);
                return Number.isFinite(number) ? number : 0;
            }
        }
    }
    value(depth = 0) {
        switch (this.below(depth < 5 ? 7 : 5)) {
            case 0:
                return null;
            case 1:
                return this.below(2) === 0;
            case 2:
            case 3:
                return this.number();
            case 4:
                return this.text();
            case 5:
                return range(this.below(5)).map(() => this.value(depth + 1));
            default:
                return this.object(depth);
        }
    }
    /** Names that are no array indexes: JavaScript would put those first. */
    object(depth = 0) {
        const members = range(this.below(5)).map(() => [`n${this.text()}`, this.value(depth + 1)]);
        return Object.fromEntries(members);
    }
}

const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** Runs the SDK's codecs over [operation, input] pairs; outputs as Buffers, failures as Errors. */
function run_codec(requests) {
    const input = requests.map(([operation, bytes]) => `${operation} ${hex(bytes)}\n`).join('');
    const result = spawnSync(path.join(bin_dir, 'sdk_codec'), {
        input,
        maxBuffer: 2 ** 30,
        encoding: 'utf8',
    });
    assert.equal(result.status, 0, result.stderr);
    const lines = result.stdout.trimEnd().split('\n');
    assert.equal(lines.length, requests.length);
    return lines.map((line) => {
        if (line.startsWith('ok')) return Buffer.from(line.slice(3), 'hex');
        return new Error(JSON.parse(line.slice(6)));
    });
}

function text_of(output) {
    if (output instanceof Error) throw output;
    return output.toString();
}

/** No number of the document is beyond what both sides write in the same type. */
function fits_both(value) {
    if (typeof value === 'number') {
        return !Number.isInteger(value) || (Math.abs(value) < 2 ** 31 && !Object.is(value, -0));
    }
    if (value === null || typeof value !== 'object') return true;
    return Object.values(value).every(fits_both);
}

describe(`SDK codecs, seed ${seed}`, () => {
    test('JSON: the text of JSON.stringify', () => {
        const random = new Documents(seed);
        const values = range(documents).map(() => random.value());
        const spread = values.map((value) => ['json4', JSON.stringify(value)]);
        const compact = values.map((value) => ['json0', JSON.stringify(value, null, 2)]);
        const outputs = run_codec([...spread, ...compact]).map(text_of);
        for (const [at, value] of values.entries()) {
            const plain = JSON.parse(JSON.stringify(value));
            assert.equal(outputs[at], JSON.stringify(plain, null, 4));
            assert.equal(outputs[at + documents], JSON.stringify(plain));
        }
    });

    test('JSON: damaged text is refused when JSON.parse refuses it', () => {
        const random = new Documents(seed + 1);
        const texts = range(documents).map(() => {
            const text = JSON.stringify(random.value());
            const at = random.below(text.length);
            const damaged = [
                text.slice(0, at) + text.slice(at + 1),
                text.slice(0, at) + '{}[]",:0e.-tfn\\'[random.below(15)] + text.slice(at),
            ][random.below(2)];
            return Buffer.from(damaged).toString(); // half a surrogate pair has no bytes
        });
        let refused = 0;
        for (const [at, output] of run_codec(texts.map((text) => ['json0', text])).entries()) {
            let parsed;
            try {
                parsed = JSON.parse(texts[at]);
            } catch {
                assert.ok(output instanceof Error, `must refuse ${texts[at]}`);
                refused += 1;
                continue;
            }
            // The SDK also refuses what would not come back: repeated names, numbers out of range,
            // lone surrogates.
            if (output instanceof Error) {
                assert.match(output.message, /appears twice|out of range|surrogate|UTF-8/);
            } else if (fits_both(parsed)) {
                assert.equal(output.toString(), JSON.stringify(parsed));
            }
        }
        assert.ok(refused > documents / 10);
    });

    test("BSON: the bytes of npm's bson", () => {
        const random = new Documents(seed + 2);
        const objects = range(documents)
            .map(() => random.object())
            .filter((object) => !JSON.stringify(object).includes('\\u0000'))
            .filter(fits_both);
        assert.ok(objects.length > documents / 10);
        const outputs = run_codec([
            ...objects.map((object) => ['json_to_bson', JSON.stringify(object)]),
            ...objects.map((object) => ['bson_to_json', bson.serialize(object)]),
        ]);
        for (const [at, object] of objects.entries()) {
            const bytes = outputs[at];
            assert.ok(!(bytes instanceof Error), String(bytes));
            assert.equal(hex(bytes), hex(bson.serialize(object)));
            assert.deepEqual(bson.deserialize(bytes), object);
            assert.equal(text_of(outputs[at + objects.length]), JSON.stringify(object));
        }
    });

    test("BSON: npm's special types", () => {
        const object = {
            big: bson.Long.fromString('-9007199254740993'),
            date: new Date(1795212533671),
            binary: Buffer.from([0, 255, 1]),
            old: new bson.Binary(Buffer.from([7]), 2),
            uuid: new bson.Binary(Buffer.alloc(16, 3), 4),
            double: new bson.Double(5),
            int: new bson.Int32(5),
            none: undefined,
        };
        const [output, refused] = run_codec([
            ['bson_to_json', bson.serialize(object, { ignoreUndefined: false })],
            ['bson_to_json', bson.serialize({ id: new bson.ObjectId() })],
        ]);
        const uuid = '03'.repeat(16);
        assert.equal(
            text_of(output),
            '{"big":-9007199254740993,"date":1795212533671,"binary":"00ff01","old":"07",' +
                `"uuid":"${uuid}","double":5,"int":5,"none":null}`,
        );
        assert.match(refused.message, /BSON type 7 is not supported/);
    });
});

describe('patch.cfg', () => {
    const key = (digit) => `ed${digit.repeat(64)}`;
    const patch = {
        version: '1.0',
        unl: [key('a'), key('0')],
        bin_path: '/usr/bin/node',
        bin_args: 'contract.js "x"',
        environment: { B: '2', A: 'é\n' },
        max_input_ledger_offset: 10,
        consensus: { mode: 'private', roundtime: 1000, stage_slice: 25, threshold: 80 },
        npl: { mode: 'private' },
        round_limits: {
            user_input_bytes: 0,
            user_output_bytes: 0,
            npl_output_bytes: 0,
            proc_cpu_seconds: 0,
            proc_mem_bytes: 4503599627370496,
            proc_ofd_count: 0,
            exec_timeout: 300000,
        },
    };

    /** What sdk_codec's change_config does, as a NodeJS contract would. */
    function change(config) {
        config.version = '2.0 é';
        config.unl.pop();
        config.environment.ADDED = '"quoted"';
        config.consensus.roundtime = 777;
        config.npl.mode = 'public';
        config.round_limits.exec_timeout = 1234;
        return config;
    }

    test('kept and changed as JSON.stringify(config, null, 4) does', () => {
        const random = new Documents(seed + 3);
        const configs = [patch];
        for (let count = 0; count < 300; count += 1) {
            const copy = structuredClone(patch);
            const members = Object.entries(copy);
            // Members nobody knows, anywhere, and another order.
            for (const left of range(random.below(4))) {
                const at = random.below(members.length);
                members.splice(at, 0, [`unknown${left}${random.text()}`, random.value()]);
            }
            if (random.below(3) === 0) members.push(members.shift());
            const config = Object.fromEntries(members);
            config.consensus = { [`x${random.text()}`]: random.value(), ...config.consensus };
            configs.push(config);
        }
        const texts = configs.map((config) => JSON.stringify(config, null, 4));
        const outputs = run_codec([
            ...texts.map((text) => ['keep_config', text]),
            ...texts.map((text) => ['change_config', text]),
        ]).map(text_of);
        for (const [at, text] of texts.entries()) {
            assert.equal(outputs[at], JSON.stringify(JSON.parse(text), null, 4));
            assert.equal(
                outputs[at + texts.length],
                JSON.stringify(change(JSON.parse(text)), null, 4),
            );
        }
    });
});
