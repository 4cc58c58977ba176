// SPDX-License-Identifier: Apache-2.0
//
// Changes of the configuration that a cluster agrees on: the echo contract writes what a user sends
// into its patch.cfg.

import fs from 'node:fs';

/** patch.cfg with changes: { unl, consensus: {...} }. */
function changed_patch(node, { consensus = {}, ...changes }) {
    const patch = JSON.parse(fs.readFileSync(node.patch_path, 'utf8'));
    Object.assign(patch, changes);
    Object.assign(patch.consensus, consensus);
    return JSON.stringify(patch);
}

/** Has the contract change patch.cfg; the ledger from which on the change is in force. */
export async function change(scope, node, changes) {
    const user = await scope.login(node);
    const text = `patchraw:${changed_patch(node, changes)}`;
    const built = await user.submit(text);
    const { ledger_seq_no } = await user.wait_accepted(built.hash, { from: built.from });
    await user.close();
    return ledger_seq_no + 1;
}

/** Every one of the nodes has adopted the change with the same ledger. */
export async function expect_adopted(nodes, seq_no) {
    for (const node of nodes) {
        await node.wait_log(new RegExp(`configuration changed .*ledger=${seq_no}\\b`));
    }
}
