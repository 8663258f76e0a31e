// server.js - starts the test server and a browser, for one test file each.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const OPERATOR = { username: 'admin', password: 'correct horse battery' };
export const VIEWER = { username: 'viewer', password: 'just looking around' };
export const SHOTS = process.env.PERFOPT_SCREENSHOTS;
export const PAGES = {
  overview: '/admin/performance',
  assets: '/admin/performance/asset-optimization',
  ssr: '/admin/performance/ssr-optimization',
};

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// Resolves to { url, adminUrl, tell(command), stop() }.
export async function startServer(...flags) {
  const ports = [await freePort(), await freePort()];
  const child = spawn(process.env.PERFOPT_ADMIN_SERVER, [...flags, ...ports.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = [];
  let ended = false;
  createInterface({ input: child.stdout }).on('line', line => waiting.shift()?.resolve(line));
  const exited = new Promise(resolve => child.on('exit', code => {
    ended = true;
    waiting.forEach(w => w.reject(new Error(`the server ended with ${code}`)));
    resolve(code);
  }));
  const answer = () => new Promise((resolve, reject) => {
    if (ended) reject(new Error('the server has ended'));
    else waiting.push({ resolve, reject });
  });
  await answer();
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    adminUrl: `http://127.0.0.1:${ports[1]}`,
    tell(command) {
      const done = answer();
      child.stdin.write(`${command}\n`);
      return done;
    },
    async stop() {
      child.stdin.end();
      const code = await exited;
      if (code !== 0) throw new Error(`the server ended with ${code}`);
    },
  };
}

// A browser with a profile of its own that reaches nothing but loopback.
export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'perfopt-chromium-'));
  const browser = await chromium.launch({
    executablePath: process.env.PERFOPT_CHROMIUM || '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      `--disk-cache-dir=${profile}`],
  });
  return {
    browser,
    async stop() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

// A page that collects what must not happen: errors, violations of the policy, foreign requests.
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ httpCredentials: OPERATOR, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', error => faults.push(`error: ${error.message}`));
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('request', request => {
    if (!request.url().startsWith('http://127.0.0.1:')) faults.push(`foreign: ${request.url()}`);
  });
  return { context, page, faults };
}

export async function shoot(page, name, fullPage = true) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}
