// SPDX-License-Identifier: Apache-2.0
//
// The dashboard of a running cluster in a real browser: what the page shows follows what happens to
// the nodes, its controls do what they say, and nobody else than the page of the right address and
// token is answered.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

import { free_port } from '../lib/util.mjs';

const run = promisify(execFile);
const bin_dir = path.resolve(process.env.HP_BIN_DIR ?? '../../build/dev/bin');
const browser_path = process.env.HP_CHROMIUM ?? '/usr/bin/chromium';
const wait_ms = 60_000; // far above what is expected, for machines that are busy

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'hp_dashboard_'));
let browser;
let page;
let url;

const hpdev = async (...words) =>
    (await run(path.join(bin_dir, 'hpdev'), words, { cwd: root, timeout: wait_ms })).stdout;

async function start_cluster() {
    fs.mkdirSync(path.join(root, 'bundle'));
    fs.copyFileSync(
        path.join(bin_dir, 'probe_contract'),
        path.join(root, 'bundle/probe_contract'),
    );
    // A quorum is three: one may be lost.
    await hpdev(
        ...['up', '-d', '-n', '4', '--threshold', '70', '--roundtime', '200ms'],
        ...['--contract', 'bundle', '--ready-timeout', '60s'],
        ...['--user-port', String(await free_port()), '--peer-port', String(await free_port())],
    );
    url = (await hpdev('open', '--print')).trim();
}

/** A request that no browser would send: its headers are as given. */
function ask(target, headers, { method = 'GET', body } = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request(target, { method, headers }, (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode));
        });
        request.on('error', reject);
        request.end(body);
    });
}

const row = (number) => page.locator(`#node-${number}`);
const row_has = (number, text) =>
    row(number).filter({ hasText: text }).waitFor({ timeout: wait_ms });
async function shows(selector, text) {
    try {
        await page.locator(selector).filter({ hasText: text }).waitFor({ timeout: wait_ms });
    } catch (error) {
        const instead = await page.locator(selector).textContent();
        throw new Error(`${selector} shows "${instead}", not "${text}": ${error.message}`);
    }
}

describe('dashboard', () => {
    const problems = [];

    before(async () => {
        const browser_starts = chromium.launch({ executablePath: browser_path });
        await start_cluster();
        browser = await browser_starts;
        page = await browser.newPage({ colorScheme: 'light' });
        page.on('pageerror', (error) => problems.push(String(error)));
        page.on('console', (message) => {
            if (message.type() === 'error') problems.push(message.text());
        });
        await page.goto(url);
    });

    after(async () => {
        await browser?.close();
        await hpdev('down', '--rm', '--yes');
        fs.rmSync(root, { recursive: true });
    });

    test('shows the nodes, in light and in dark', async () => {
        for (const number of [1, 2, 3, 4]) await row_has(number, 'synced');
        await shows('#summary', '4 nodes, 4 running');
        await shows('#summary', 'tolerates 1');
        assert.ok(!page.url().includes('k='), 'the token stays in the address');
        const looks = [];
        for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme });
            const file = path.join(root, `${colorScheme}.png`);
            await page.screenshot({ path: file, fullPage: true });
            assert.ok(fs.statSync(file).size > 10_000, `${file} is empty`);
            looks.push(
                await page.evaluate(() => {
                    const style = getComputedStyle(document.documentElement);
                    const body = getComputedStyle(document.body);
                    return [style.backgroundColor, body.backgroundColor, body.color].join();
                }),
            );
        }
        assert.notEqual(looks[0], looks[1], 'light and dark look the same');
    });

    test('a node is lost and comes back', async () => {
        await hpdev('node', 'kill', '3');
        await row_has(3, 'SIGKILL');
        await shows('#summary', '3 running');
        await row_has(1, 'synced'); // the others go on
        const before_ledger = await page.locator('#lcl').textContent();
        await page.waitForFunction(
            (text) => document.getElementById('lcl').textContent !== text,
            before_ledger,
            { timeout: wait_ms },
        );
        await hpdev('node', 'start', '3');
        await row_has(3, 'synced');
        await shows('#summary', '4 running');
    });

    test('its controls work', async () => {
        await row(4).getByRole('button', { name: 'stop' }).click();
        await row(4).getByRole('button', { name: 'start' }).waitFor({ timeout: wait_ms });
        await row(4).getByRole('button', { name: 'start' }).click();
        await row_has(4, 'synced');

        await page.locator('#send-text').fill('echo:from the page');
        await page.getByRole('button', { name: 'send', exact: true }).click();
        await shows('#sent', 'from the page');

        await page.locator('#state-form button[type=submit]').click();
        await shows('#state', 'probe_contract');

        await page.locator('#timeline button').last().click();
        await shows('#ledger', 'hpcli ledger get');

        await page.locator('body').press('?');
        await page.getByRole('heading', { name: 'Keys' }).waitFor();
        await page.getByRole('button', { name: 'close' }).click();
        assert.deepEqual(problems, []);
    });

    test('nobody else is answered', async () => {
        const { host, origin } = new URL(url);
        const token = new URLSearchParams(new URL(url).hash.slice(1)).get('k');
        const good = { Host: host, 'X-HP-Token': token };
        const nodes = `${origin}/api/1/nodes`;
        assert.equal(await ask(nodes, good), 200);
        assert.equal(await ask(nodes, { ...good, Origin: origin }), 200);
        assert.equal(await ask(nodes, { ...good, Host: 'evil.example' }), 403);
        const evil = `evil.example:${host.split(':')[1]}`;
        assert.equal(await ask(nodes, { ...good, Host: evil }), 403);
        assert.equal(await ask(nodes, { ...good, Origin: 'http://evil.example' }), 403);
        assert.equal(await ask(origin, { Host: 'evil.example' }), 403);
        assert.equal(await ask(nodes, { Host: host }), 401);
        assert.equal(await ask(nodes, { ...good, 'X-HP-Token': `${token}0` }), 401);

        const stop = { method: 'POST', body: '{"verb":"stop","node":"1"}' };
        const order = `${origin}/api/1/node`;
        assert.equal(await ask(order, { Host: host }, stop), 401);
        assert.equal(await ask(order, { ...good, Origin: 'http://evil.example' }, stop), 403);
        assert.match(await row(1).textContent(), /synced/);

        const stranger = await (await browser.newContext()).newPage();
        await stranger.goto(`${origin}/#k=wrong`);
        await stranger
            .locator('#notice')
            .filter({ hasText: 'token is missing or wrong' })
            .waitFor({ timeout: wait_ms });
        assert.equal(await stranger.locator('#nodes tbody tr').count(), 0);
        await stranger.close();
    });

    test('it ends with its cluster', async () => {
        await hpdev('down');
        await shows('#notice', 'connection to hpdev is lost');
        await assert.rejects(ask(url, {}), { code: 'ECONNREFUSED' });
    });
});
