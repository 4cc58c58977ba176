// SPDX-License-Identifier: Apache-2.0
//
// Uses every member of the published Node.js contract library. The first argument is the protocol
// of the outputs, "json" or "bson"; with "force" as the second one it asks for forceTerminate. An
// input is "name:argument":
//
//   config            the whole configuration as JSON
//   set:<field>=<v>   changes a top-level text field of the configuration
//   member:<key>      adds a key to the UNL
//   peers:<json>      updatePeers(add, remove) with the two members of the object
//   npl:<text>        sends over NPL and waits until the text has come back
//   sum               length and SHA-256 of the input itself
//   post:<script>     writes post_exec.sh
//   file:<name>       content of a file, "absent" if there is none
//   unl               what the run knows about the UNL, written to ../unl.json as well

'use strict';

const crypto = require('crypto');
const fs = require('fs');
const HotPocket = require('hotpocket-nodejs-contract');

const [protocol, ending] = process.argv.slice(2);

async function set_field(context, argument) {
    const [field, ...value] = argument.split('=');
    const config = await context.getConfig();
    config[field] = value.join('=');
    await context.updateConfig(config);
    return 'ok';
}

async function add_member(context, key) {
    const config = await context.getConfig();
    config.unl.push(key);
    await context.updateConfig(config);
    return 'ok';
}

async function update_peers(context, argument) {
    const { add, remove } = JSON.parse(argument);
    await context.updatePeers(add, remove);
    return 'ok';
}

async function send_around(context, text) {
    const received = new Promise((resolve) => {
        context.unl.onMessage((node, message) => {
            if (message.toString() === text) resolve(node.publicKey);
        });
    });
    await context.unl.send(text);
    const sender = await received;
    return `${text} from ${sender === context.publicKey ? 'myself' : sender}`;
}

function sum(context, argument, bytes) {
    return `${bytes.length} ${crypto.createHash('sha256').update(bytes).digest('hex')}`;
}

function write_script(context, script) {
    fs.writeFileSync(HotPocket.POST_EXEC_SCRIPT_NAME, script, { mode: 0o755 });
    return 'ok';
}

const read_file = (context, name) =>
    fs.existsSync(name) ? fs.readFileSync(name, 'utf8') : 'absent';

function describe_unl(context) {
    const members = context.unl.list().map(({ publicKey, activeOn }) => [publicKey, activeOn]);
    const text = JSON.stringify(members);
    if (!context.readonly) fs.writeFileSync('../unl.json', text);
    return text;
}

const handlers = {
    config: async (context) => JSON.stringify(await context.getConfig()),
    set: set_field,
    member: add_member,
    peers: update_peers,
    npl: send_around,
    sum,
    post: write_script,
    file: read_file,
    unl: describe_unl,
};

async function answer(context, bytes) {
    const [name] = bytes.toString('latin1', 0, 20).split(':', 1);
    const argument = bytes.subarray(name.length + 1).toString();
    try {
        return await handlers[name](context, argument, bytes);
    } catch (error) {
        return `error: ${error.code ?? error.message ?? error}`;
    }
}

async function run(context) {
    for (const user of context.users.list()) {
        for (const input of user.inputs) {
            await user.send(await answer(context, await context.users.read(input)));
        }
    }
}

new HotPocket.Contract().init(run, protocol, ending === 'force');
