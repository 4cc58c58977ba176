// SPDX-License-Identifier: Apache-2.0
// The dashboard: one stream of events becomes what is on the page; every action is a command of
// hpdev or hpcli. Texts of nodes and contracts are only ever put in as text.

const token = new URLSearchParams(location.hash.slice(1)).get('k') ?? sessionStorage.getItem('k');
if (token) sessionStorage.setItem('k', token);
history.replaceState(null, '', location.pathname); // not to be copied with the address by accident

const by_id = (id) => document.getElementById(id);
const ledgers_max = 120;
const log_lines_max = 4000;
const redraw_ms = 250;

const seen = {
    cluster: null,
    nodes: new Map(), // number -> status, null when it does not answer
    ledgers: [], // { seq, at, states, hashes: Map(number -> root, hash), committed_by }
    log: [],
    chosen: null, // ledger
};

// ---- asking

async function ask(path, body) {
    const response = await fetch(path, {
        method: body ? 'POST' : 'GET',
        headers: { 'X-HP-Token': token ?? '' },
        body: body && JSON.stringify(body),
    });
    return response.json();
}

const text_of = (answer) =>
    answer.ok
        ? JSON.stringify(answer, (key, value) => (key === 'schema' ? undefined : value), 2)
        : [answer.error?.code, answer.error?.message, answer.error?.hint && `hint: ${answer.error.hint}`]
              .filter(Boolean)
              .join('\n');

async function show(target, path, body) {
    target.textContent = '…';
    try {
        const answer = await ask(path, body);
        target.textContent = text_of(answer);
        target.className = answer.ok ? '' : 'bad';
    } catch (error) {
        target.textContent = `the dashboard's server does not answer: ${error.message}`;
        target.className = 'bad';
    }
}

// ---- events

function notice(text) {
    by_id('notice').textContent = text;
    by_id('notice').hidden = !text;
}

// fetch rather than EventSource, which cannot send the token.
async function follow() {
    let last_id = '';
    for (;;) {
        try {
            const response = await fetch('/events', {
                headers: { 'X-HP-Token': token ?? '', 'Last-Event-ID': last_id },
            });
            if (!response.ok) {
                notice((await response.json()).error.message);
                if (response.status === 401) return;
                throw new Error('refused');
            }
            notice('');
            const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            let rest = '';
            for (;;) {
                const { value, done } = await reader.read();
                if (done) break;
                const blocks = (rest + value).split('\n\n');
                rest = blocks.pop();
                for (const block of blocks) last_id = on_block(block) ?? last_id;
            }
        } catch {
            notice('The connection to hpdev is lost. Trying again…');
        }
        await new Promise((resolve) => setTimeout(resolve, 1000));
    }
}

function on_block(block) {
    const fields = new Map(
        block
            .split('\n')
            .filter((line) => !line.startsWith(':'))
            .map((line) => line.split(/: (.*)/s, 2)),
    );
    if (!fields.has('data')) return undefined;
    on_event[fields.get('event')]?.(JSON.parse(fields.get('data')));
    redraw_soon();
    return fields.get('id');
}

const on_event = {
    cluster(cluster) {
        seen.cluster = cluster;
    },
    node({ number, time_ms, status }) {
        seen.nodes.set(number, status);
        if (status?.ledger) note_ledger(number, time_ms, status);
    },
    log({ number, lines }) {
        for (const line of lines) seen.log.push({ number, line });
        seen.log.splice(0, Math.max(0, seen.log.length - log_lines_max));
    },
};

function note_ledger(number, time_ms, status) {
    const { seq } = status.ledger;
    let ledger = seen.ledgers.findLast((one) => one.seq === seq);
    if (!ledger) {
        ledger = { seq, at: time_ms, states: new Map(), hashes: new Map(), committed_by: [] };
        seen.ledgers.push(ledger);
        seen.ledgers.sort((a, b) => a.seq - b.seq);
        seen.ledgers.splice(0, Math.max(0, seen.ledgers.length - ledgers_max));
    }
    ledger.hashes.set(number, status.ledger.hash);
    // The state belongs to the ledger only while its run has ended and the next has not.
    if (status.contract.last_run?.seq === seq && status.contract.running === null) {
        ledger.states.set(number, status.contract.state_root);
    }
    const by = status.consensus.committed_by ?? [];
    if (by.length > ledger.committed_by.length) ledger.committed_by = by;
}

const differs = (ledger) => new Set(ledger.states.values()).size > 1;

// ---- drawing

let timer = null;
function redraw_soon() {
    timer ??= setTimeout(() => {
        timer = null;
        draw();
    }, redraw_ms);
}

function element(name, text, more = {}) {
    const out = document.createElement(name);
    if (text !== undefined) out.textContent = text;
    return Object.assign(out, more);
}

const nodes = () => seen.cluster?.nodes ?? [];
const short = (hash) => (hash ?? '').slice(0, 8);
const name_of = (key) => nodes().find((node) => node.public_key === key)?.name ?? short(key);
const head = () =>
    Math.max(0, ...[...seen.nodes.values()].map((status) => status?.ledger?.seq ?? 0));

// The hash that most nodes have.
function common_state() {
    const counts = new Map();
    for (const status of seen.nodes.values()) {
        const root = status?.contract.state_root;
        if (root) counts.set(root, (counts.get(root) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

// A sign, a word and a colour: none of them alone carries the meaning.
function health_of(node, status) {
    if (node.state === 'paused') return ['◌', 'paused', 'warn'];
    if (node.state !== 'running') {
        return ['✖', node.end?.what ?? node.reason ?? node.state, node.state === 'failed' ? 'bad' : 'dim'];
    }
    if (!status) return ['◌', 'no answer', 'warn'];
    if (!status.consensus.can_close_ledgers && status.consensus.why_not) {
        return ['▲', 'no quorum', 'bad'];
    }
    if (status.consensus.suspended) return ['◌', 'suspended', 'bad'];
    const vote = status.consensus.vote_status;
    return vote === 'synced' ? ['●', 'synced', 'good'] : ['▲', vote, 'warn'];
}

function draw_header() {
    const { cluster } = seen;
    const validators = nodes().filter((node) => node.role === 'validator').length;
    const { threshold } = cluster;
    const quorum = Math.max(Math.ceil((threshold * validators) / 100), Math.floor(validators / 2) + 1);
    const up = nodes().filter((node) => node.state === 'running').length;
    by_id('name').textContent = cluster.name;
    document.title = `${cluster.name} #${head()}`;
    by_id('summary').textContent =
        `${nodes().length} nodes, ${up} running · threshold ${threshold} %: tolerates ` +
        `${validators - quorum} · round ${cluster.roundtime_ms} ms`;
    by_id('lcl').textContent = `ledger #${head()}`;
}

function draw_nodes() {
    const rows = nodes().map((node) => {
        const status = seen.nodes.get(node.number);
        const [sign, word, mood] = health_of(node, status);
        const row = element('tr', undefined, { id: `node-${node.number}` });
        const cell = (text, className = '') => row.append(element('td', text, { className }));
        cell(node.role === 'observer' ? `${node.name} (observer)` : node.name);
        cell(`${sign} ${word}`, mood);
        cell(status?.ledger ? `#${status.ledger.seq}` : '–', 'mono');
        const root = status?.contract.state_root;
        cell(root ? short(root) : '–', `mono ${root && root !== common_state() ? 'bad' : ''}`);
        cell(status ? String(status.peers.connected.length) : '–');
        cell(status ? String(status.users.connected) : '–');
        cell(
            status
                ? `${status.consensus.members_heard} of ${status.consensus.unl} opened, ` +
                      `${status.consensus.inputs_waiting} inputs wait` +
                      (status.consensus.attempt > 0 ? `, attempt ${status.consensus.attempt}` : '')
                : '–',
        );
        const run = status?.contract.last_run;
        cell(run ? `${run.what}, ${run.wall_ms} ms` : '–', run && run.code !== 0 ? 'warn' : '');
        const actions = element('td');
        const verbs = {
            running: ['stop', 'pause', 'kill', 'restart'],
            paused: ['resume', 'kill'],
        }[node.state] ?? ['start'];
        for (const verb of verbs) {
            const button = element('button', verb, { type: 'button' });
            button.addEventListener('click', () => act(button, verb, node));
            actions.append(button);
        }
        row.append(actions);
        return row;
    });
    const body = by_id('nodes').tBodies[0];
    const focus = document.activeElement?.closest?.('#nodes button');
    if (!focus) body.replaceChildren(...rows); // never from under a finger
}

async function act(button, verb, node) {
    button.disabled = true;
    try {
        const answer = await ask('/api/1/node', { verb, node: String(node.number) });
        notice(answer.ok ? '' : text_of(answer));
    } finally {
        button.blur();
        button.disabled = false;
        redraw_soon();
    }
}

function draw_timeline() {
    const longest = 4 * (seen.cluster.roundtime_ms || 1000);
    const items = seen.ledgers.map((ledger, at) => {
        const took = at === 0 ? 0 : ledger.at - seen.ledgers[at - 1].at;
        const odd = differs(ledger);
        const button = element('button', odd ? '▲' : '', {
            type: 'button',
            className: odd ? 'differs' : '',
            title: `ledger ${ledger.seq}, after ${took} ms`,
        });
        button.setAttribute('aria-label', button.title);
        button.setAttribute('aria-current', String(ledger.seq === seen.chosen));
        button.style.height = `${8 + (56 * Math.min(took, longest)) / longest}px`;
        button.addEventListener('click', () => choose(ledger.seq));
        const item = element('li');
        item.append(button);
        return item;
    });
    by_id('timeline').replaceChildren(...items);
    const last = seen.ledgers.at(-1);
    by_id('votes').textContent = last
        ? `#${last.seq} committed by ${last.committed_by.map(name_of).join(', ') || '…'}`
        : '';
}

async function choose(seq) {
    seen.chosen = seq;
    redraw_soon();
    const target = by_id('ledger');
    target.textContent = '…';
    const answer = await ask(`/api/1/ledger/${seq}`);
    if (!answer.ok) {
        target.textContent = text_of(answer);
        return;
    }
    const ledger = answer.ledger ?? answer;
    const list = element('dl');
    const row = (name, value) =>
        list.append(element('dt', name), element('dd', value, { className: 'mono' }));
    row('ledger', `#${ledger.seq}`);
    row('time', ledger.timestamp);
    for (const name of ['hash', 'prev_hash', 'state_hash', 'config_hash']) row(name, ledger[name]);
    for (const input of ledger.inputs ?? []) row('input', `${short(input.user)} ${content_of(input)}`);
    for (const output of ledger.outputs ?? []) {
        for (const one of output.outputs) row('output', `${short(output.user)} ${content_of(one)}`);
    }
    row('command', `hpcli ledger get ${seq} --inputs --outputs`);
    target.replaceChildren(list);
}

const content_of = (item) =>
    item.data !== undefined ? JSON.stringify(item.data) : (item.data_hex ?? item.data_b64 ?? '');

function draw_divergence() {
    const groups = new Map();
    const latest = seen.ledgers.findLast(differs);
    const now = latest && head() - latest.seq < 5;
    by_id('divergence-section').hidden = !now;
    if (!now) return;
    for (const [number, root] of latest.states) {
        groups.set(root, [...(groups.get(root) ?? []), `n${number}`]);
    }
    const lines = [...groups].map(([root, names]) =>
        element('p', `${short(root)}  ${names.join(', ')}`, { className: 'mono' }),
    );
    by_id('groups').replaceChildren(
        element('p', `different states after ledger ${latest.seq}`, { className: 'bad' }),
        ...lines,
    );
}

function draw_log() {
    if (by_id('log-stop').checked) return;
    const node = by_id('log-node').value;
    const level = by_id('log-level').value;
    const filter = by_id('log-filter').value;
    const lines = seen.log
        .filter(({ number }) => !node || String(number) === node)
        .filter(({ line }) => !level || line.includes(`[${level}]`))
        .filter(({ line }) => line.includes(filter))
        .map(({ number, line }) => `n${number}│${line}`);
    const log = by_id('log');
    const at_end = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
    log.textContent = lines.slice(-1000).join('\n');
    if (at_end) log.scrollTop = log.scrollHeight;
}

function draw_choices() {
    for (const id of ['state-node', 'log-node']) {
        const select = by_id(id);
        const known = [...select.options].filter(({ value }) => value).map(({ value }) => value);
        const wanted = nodes().map((node) => String(node.number));
        if (known.join() === wanted.join()) continue;
        const kept = select.value;
        const options = nodes().map((node) =>
            element('option', node.name, { value: String(node.number) }),
        );
        const all = id === 'log-node' ? [element('option', 'all', { value: '' })] : [];
        select.replaceChildren(...all, ...options);
        if (wanted.includes(kept)) select.value = kept;
    }
}

function draw() {
    if (!seen.cluster) return;
    draw_header();
    draw_choices();
    draw_nodes();
    draw_timeline();
    draw_divergence();
    draw_log();
}

// ---- forms and keys

// As a shell would, without its substitutions.
const words_of = (text) =>
    (text.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));

function on(id, event, handle) {
    by_id(id).addEventListener(event, (what) => {
        what.preventDefault();
        handle();
    });
}

const list_state = (cat) =>
    show(
        by_id('state'),
        `/api/1/state?${new URLSearchParams({
            node: by_id('state-node').value,
            path: by_id('state-path').value,
            ...(cat && { cat: '1' }),
        })}`,
    );
const send = (read) =>
    show(by_id('sent'), '/api/1/send', {
        as: by_id('send-as').value,
        text: by_id('send-text').value,
        read,
    });
const chaos = (args) => show(by_id('chaos'), '/api/1/chaos', { args });

on('state-form', 'submit', () => list_state(false));
on('state-cat', 'click', () => list_state(true));
on('send-form', 'submit', () => send(false));
on('send-read', 'click', () => send(true));
on('chaos-form', 'submit', () => chaos(words_of(by_id('chaos-text').value)));
on('chaos-clear', 'click', () => chaos(['clear']));
on('explain-divergence', 'click', () => show(by_id('difference'), '/api/1/diff'));
for (const id of ['log-node', 'log-level', 'log-filter', 'log-stop']) {
    by_id(id).addEventListener('input', draw_log);
}
by_id('log-form').addEventListener('submit', (event) => event.preventDefault());

const step_ledger = (by) => {
    const at = seen.ledgers.findIndex(({ seq }) => seq === seen.chosen);
    const next = seen.ledgers[at < 0 ? seen.ledgers.length - 1 : at + by];
    if (next) choose(next.seq);
};
const keys = {
    '/': () => by_id('log-filter').focus(),
    s: () => by_id('send-text').focus(),
    c: () => by_id('chaos-text').focus(),
    '?': () => by_id('help').showModal(),
    ArrowLeft: () => step_ledger(-1),
    ArrowRight: () => step_ledger(1),
};
document.addEventListener('keydown', (event) => {
    const typing = event.target.matches('input, select, textarea');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
});

follow();
