// SPDX-License-Identifier: Apache-2.0
//
// Measures what an attack does to the node and to an honest user from another address. The bounds
// are generous: they tell "slower" from "unusable" and "some memory" from "a leak", nothing finer.

import assert from 'node:assert/strict';

import { RawClient } from './rawclient.mjs';
import { fresh_ip, median } from './util.mjs';

const baseline_reads = 8;
const reads_min = 5;
const latency_slack_ms = 20000; // a machine with other work, too
const rss_growth_max_kb = 200 * 1024;
const log_lines_max = 500;

let next_read = 0;

async function timed_read(client) {
    next_read += 1;
    const id = `siege ${next_read}`;
    const started_ms = Date.now();
    const from = client.mark();
    client.read(id, 'ping');
    const matches = (msg) => msg.type === 'contract_read_response' && msg.reply_for === id;
    await client.wait(matches, {
        from,
        what: `reply to read "${id}"`,
    });
    return Date.now() - started_ms;
}

/**
 * Runs `attack()` while an honest user reads and submits inputs, and while further honest users
 * log in. Fails when they are not served, or when memory or log grow without proportion.
 */
export async function besiege(scope, node, attack, { reads = true } = {}) {
    scope.watch(node);
    const victim = await scope.login(node, { local_address: fresh_ip(), label: 'victim' });
    await victim.echo('before the attack');
    const calm = [];
    for (let count = 0; count < baseline_reads; count += 1) calm.push(await timed_read(victim));
    const before = { rss_kb: node.rss_kb(), log_lines: node.log_lines() };

    let over = false;
    const attacking = Promise.resolve(attack()).finally(() => {
        over = true;
    });
    const stressed = [];
    let echoes = 0;
    const honest = (async () => {
        while (!over || stressed.length < reads_min || echoes === 0) {
            if (reads) stressed.push(await timed_read(victim));
            else stressed.push(0);
            if (stressed.length % reads_min === 0) {
                const visitor = await RawClient.login(node, { local_address: fresh_ip() });
                await visitor.lcl();
                await visitor.close();
                await victim.echo(`during the attack ${echoes}`);
                echoes += 1;
            }
        }
    })();
    await Promise.all([attacking, honest]);

    assert.ok(node.running, `the node ended: ${node.exit_text()}`);
    const growth_kb = node.rss_kb() - before.rss_kb;
    assert.ok(growth_kb < rss_growth_max_kb, `resident memory grew by ${growth_kb} kB`);
    const lines = node.log_lines() - before.log_lines;
    assert.ok(lines < log_lines_max, `${lines} log lines were written`);
    const [calm_ms, stressed_ms] = [median(calm), median(stressed)];
    assert.ok(
        stressed_ms <= calm_ms + latency_slack_ms,
        `median read latency rose from ${calm_ms} to ${stressed_ms} ms`,
    );
    await victim.echo('after the attack');
}
