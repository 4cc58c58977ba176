// SPDX-License-Identifier: Apache-2.0
//
// Every member of the Node.js contract library: npm's, unmodified, and ours.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe } from 'node:test';

import { make_keys } from '../lib/crypto.mjs';
import { contract_libraries, script_contract } from '../lib/node.mjs';
import { describe_scenario, sandboxes } from '../lib/scenario.mjs';
import { scoped_test } from '../lib/scope.mjs';
import { until } from '../lib/util.mjs';

const input_bytes = 1000000;
const short_timeout_ms = 4000; // the interpreter has to start within it on a busy machine
const membership_roundtime_ms = 1500;


async function announced_version(scope, node) {
    return (await scope.connect(node)).challenge.contract_version;
}

const large_text = 'größe €'.repeat(input_bytes / 10);
const large_bytes = Buffer.alloc(input_bytes, 'sum\0\xff\xfe', 'latin1');
const sum_of = (bytes) => `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;

const post_script = `#!/bin/sh
printf 'ledger %s' "\${1%% *}" >../seen.txt
printf 'by post_exec.sh' >post.txt
`;

function describe_library(library) {
    const title = `Node.js library (${library})`;
    const contract = (args) => script_contract('library.js', { args, library });

    describe_scenario({
        name: `${title}, getConfig and updateConfig`,
        contract: () => contract('bson'),
        interpreter: true,
        steps: [
            ['config', (bytes) => assert.equal(JSON.parse(bytes).version, '1.0')],
            ['set:version=', 'error: Contract version is not specified.'],
            ['set:version=2.0', 'ok'],
            ['config', (bytes) => assert.equal(JSON.parse(bytes).version, '2.0')],
        ],
        last: ['set:version=3.0', 'ok'],
        reads: [
            ['config', (bytes) => assert.equal(JSON.parse(bytes).version, '3.0')],
            ['set:version=4.0', /^error: E(ROFS|ACCES)$/],
        ],
        async check(node, scope) {
            const text = fs.readFileSync(node.patch_path, 'utf8');
            assert.equal(JSON.stringify(JSON.parse(text), null, 4), text);
            assert.equal(node.read_config().contract.version, '3.0');
            assert.equal(await announced_version(scope, node), '3.0');
        },
    });

    for (const [args, ending, round_limits] of [
        ['bson force', 'with forceTerminate', {}],
        // Its pending read ends only with the run, so that the node has to end it.
        ['bson', 'without forceTerminate', { exec_timeout: short_timeout_ms }],
    ]) {
        describe_scenario({
            name: `${title}, onMessage ${ending}`,
            contract: () => contract(args),
            interpreter: true,
            config: { contract: { round_limits } },
            steps: [[`npl:${'large'.repeat(26000)}`, /^large.*large from myself$/]],
            last: ['npl:last', 'last from myself'],
            reads: [['npl:x', 'error: NPL messages not available in readonly mode.']],
        });
    }

    for (const [protocol, input] of [
        ['json', `sum:${large_text}`],
        ['bson', Buffer.concat([Buffer.from('sum:'), large_bytes])],
    ]) {
        describe_scenario({
            name: `${title}, users.read of large inputs, ${protocol} user`,
            contract: () => contract('bson'),
            interpreter: true,
            protocol,
            steps: [[input, sum_of(Buffer.from(input))]],
            last: [input, sum_of(Buffer.from(input))],
            reads: [[input, sum_of(Buffer.from(input))]],
        });
    }

    for (const args of ['bson', 'bson force']) {
        describe_scenario({
            name: `${title}, post_exec.sh (${args})`,
            contract: () => contract(args),
            interpreter: true,
            steps: [
                [`post:${post_script}`, 'ok'],
                ['file:post.txt', 'by post_exec.sh'],
                ['file:post_exec.sh', 'absent'],
                ['file:../seen.txt', /^ledger [1-9]\d*$/],
            ],
            last: [`post:#!/bin/sh\nprintf 'again' >again.txt\n`, 'ok'],
            reads: [
                ['file:again.txt', 'again'],
                ['file:post_exec.sh', 'absent'],
            ],
        });
    }

    describe(`real: ${title}, what changes the node itself`, { concurrency: true }, () => {
        for (const sandbox of sandboxes) {
            scoped_test(`updatePeers, sandbox ${sandbox}`, async (scope) => {
                const node = await scope.start_node({
                    contract: contract('bson'),
                    config: {
                        contract: { sandbox },
                        mesh: { known_peers: ['127.0.0.1:1'], peer_discovery: { enabled: false } },
                    },
                });
                const user = await scope.login(node);
                const change = async (add, remove) => {
                    await user.echo(`peers:${JSON.stringify({ add, remove })}`, { expected: 'ok' });
                };
                await change(['127.0.0.1:2', '127.0.0.1:3'], ['127.0.0.1:1']);
                await node.stop();
                const peers = () => node.read_config().mesh.known_peers.sort();
                assert.deepEqual(peers(), ['127.0.0.1:2', '127.0.0.1:3']);
                await node.run();
                const again = await scope.login(node, { keys: user.keys });
                await again.echo('peers:{"add":["127.0.0.1:4"],"remove":"*"}', { expected: 'ok' });
                await node.stop();
                assert.deepEqual(peers(), ['127.0.0.1:4']);
                await node.run();
            });

            scoped_test(`a new member of the UNL, sandbox ${sandbox}`, async (scope) => {
                const member = make_keys().hex;
                const node = await scope.start_node({
                    contract: contract('bson'),
                    config: {
                        node: { pace: 'paced' },
                        contract: { sandbox, consensus: { roundtime: membership_roundtime_ms } },
                    },
                });
                const user = await scope.login(node);
                const first = await user.submit(`member:${member}`);
                const { ledger_seq_no } = await user.wait_accepted(first.hash);
                const second = await user.submit('unl');
                const next = await user.wait_accepted(second.hash);
                assert.equal(next.ledger_seq_no, ledger_seq_no + 1);
                await user.wait_output('ok');

                // The run of that ledger knows the member, of which nobody has heard yet.
                const seen_path = path.join(node.dir, 'contract_fs', 'seed', 'unl.json');
                const read_seen = () =>
                    fs.existsSync(seen_path) && fs.readFileSync(seen_path, 'utf8');
                const seen = new Map(JSON.parse(await until(read_seen, { what: 'unl.json' })));
                const members = [node.cfg.node.public_key, member].sort();
                assert.deepEqual([...seen.keys()].sort(), members);
                assert.equal(seen.get(member), 0);
                assert.deepEqual(node.read_config().contract.unl, members);
                assert.equal((await user.stat()).ledger_seq_no, next.ledger_seq_no);
            });
        }
    });
}

for (const library of contract_libraries) describe_library(library);
