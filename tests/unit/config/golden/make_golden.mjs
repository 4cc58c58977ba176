// SPDX-License-Identifier: Apache-2.0
// Writes the golden patch.cfg files beside this script with JSON.stringify, the function that
// contracts use on the real file. Run it with node; the tests expect byte-equal output of
// encode_patch. The UNL keys are 0xed followed by 32 equal bytes.
import { writeFileSync } from "node:fs";

const key = (byte) => "ed" + byte.repeat(32);

const plain = {
    version: "1.0",
    unl: [key("11")],
    bin_path: "<your contract binary here>",
    bin_args: "",
    environment: {},
    max_input_ledger_offset: 10,
    consensus: { mode: "private", roundtime: 1000, stage_slice: 25, threshold: 80 },
    npl: { mode: "private" },
    round_limits: {
        user_input_bytes: 0,
        user_output_bytes: 0,
        npl_output_bytes: 0,
        proc_cpu_seconds: 0,
        proc_mem_bytes: 0,
        proc_ofd_count: 0,
        exec_timeout: 300000,
    },
};

const rich = {
    version: "2.1 β",
    unl: [key("01"), key("7f"), key("fe")],
    bin_path: "/usr/bin/node",
    bin_args: 'index.js "quoted" back\\slash / \b\f\n\r\t \u0001 \u001f \u007f',
    environment: { A: "1", EMPTY: "", PATH: "/bin:/usr/bin", "ключ": "héllo \u2028 😀" },
    max_input_ledger_offset: 65535,
    consensus: { mode: "public", roundtime: 3600000, stage_slice: 33, threshold: 100 },
    npl: { mode: "public" },
    round_limits: {
        user_input_bytes: Number.MAX_SAFE_INTEGER,
        user_output_bytes: 1,
        npl_output_bytes: 2,
        proc_cpu_seconds: 3,
        proc_mem_bytes: 4,
        proc_ofd_count: 5,
        exec_timeout: 4294967295,
    },
};

for (const [name, patch] of Object.entries({ "patch.cfg": plain, "patch_rich.cfg": rich })) {
    writeFileSync(new URL(name, import.meta.url), JSON.stringify(patch, null, 4));
}
