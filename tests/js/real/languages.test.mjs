// SPDX-License-Identifier: Apache-2.0
//
// The same small contract in several languages, from a library in its own runtime down to a shell
// script and to a program that needs nothing but the kernel.

import fs from 'node:fs';
import path from 'node:path';

import { contracts_dir, native_contract, script_contract } from '../lib/node.mjs';
import { describe_scenario } from '../lib/scenario.mjs';

const python = '/usr/bin/python3';

// Two digits, bytes that shells and JSON treat in their own ways, UTF-8.
const texts = ['one', 'two  spaces', `it's "quoted" \\ $HOME`, 'größe €', '5', '{"a":[1,2]}'];
const all_lines = [...texts, 'last'].join('\n');

const tally = {
    steps: texts.map((text, at) => [text, String(at + 1)]),
    last: ['last', String(texts.length + 1)],
    reads: [
        ['lines', all_lines],
        ['anything', 'read-only'],
    ],
};

const script = (name) => path.join(contracts_dir, name);

describe_scenario({
    ...tally,
    name: 'shell script',
    contract: () => ({ files: [[script('tally.sh'), 'tally.sh']], bin_path: 'tally.sh' }),
    interpreter: true,
});

describe_scenario({
    ...tally,
    name: 'Python',
    contract: () => ({
        files: [[script('tally.py'), 'tally.py']],
        bin_path: python,
        bin_args: 'tally.py',
    }),
    interpreter: true,
    problem: () => (fs.existsSync(python) ? '' : `no ${python}`),
});

for (const protocol of ['json', 'bson']) {
    describe_scenario({
        ...tally,
        name: `Node.js library, ${protocol}`,
        contract: () =>
            script_contract('tally.js', { args: protocol, modules: ['hotpocket-nodejs-contract'] }),
        interpreter: true,
        protocol,
    });
}

const echoes = {
    steps: texts.map((text) => [text, text]),
    last: ['last', 'last'],
    reads: [['read', 'read']],
};

describe_scenario({
    ...echoes,
    name: 'C without any library, linked statically',
    contract: () => native_contract('static_echo'),
});

describe_scenario({
    ...echoes,
    name: 'C++ on the SDK: the echo example',
    contract: () => native_contract('echo_contract'),
});

describe_scenario({
    name: 'C++ on the SDK: the starter template',
    contract: () => native_contract('starter_contract'),
    steps: [
        ['get', '{"total":0,"text":""}'],
        ['add 5', '{"total":5,"text":""}'],
        ['add -7', '{"total":-2,"text":""}'],
        ['set größe "€"', '{"total":-2,"text":"größe \\"€\\""}'],
        ['nonsense', /^\{"error":/],
    ],
    last: ['add 10', '{"total":8,"text":"größe \\"€\\""}'],
    reads: [
        ['get', '{"total":8,"text":"größe \\"€\\""}'],
        ['add 1', /cannot change state/],
    ],
});
