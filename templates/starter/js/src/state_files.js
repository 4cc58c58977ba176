// SPDX-License-Identifier: Apache-2.0
// The state between two runs: one small file per value in the working directory, which a node
// keeps identical on the whole cluster. Problems throw, because a contract that cannot keep its
// state must not answer as if it could.

'use strict';

const fs = require('fs');

function load_file(name, missing) {
    try {
        return fs.readFileSync(name, 'utf8');
    } catch (error) {
        if (error.code === 'ENOENT') return missing;
        throw error;
    }
}

/** Old content or new content, never a mixture. */
function replace_file(name, content) {
    fs.writeFileSync(`${name}.new`, content, { mode: 0o644 });
    fs.renameSync(`${name}.new`, name);
}

function load() {
    return { total: BigInt(load_file('total.txt', '0')), text: load_file('text.txt', '') };
}

/** Writes the files whose value differs. */
function save(before, after) {
    if (after.total !== before.total) replace_file('total.txt', after.total.toString());
    if (after.text !== before.text) replace_file('text.txt', after.text);
}

module.exports = { load, save };
