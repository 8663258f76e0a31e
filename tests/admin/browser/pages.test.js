// pages.test.js - each page, with and without JavaScript: no errors, accessible, nothing cut off.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { OPERATOR, PAGES, VIEWER, openPage, shoot, startBrowser, startServer } from './server.js';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
let server, chrome;

before(async () => {
  server = await startServer();
  chrome = await startBrowser();
});
after(async () => {
  await chrome?.stop();
  await server?.stop();
});

async function axe(page) {
  const source = await import('node:fs').then(fs => fs.readFileSync(axePath, 'utf8'));
  await page.evaluate(source);
  const result = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return result.violations.map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.html).join(' | ')}`);
}

const looks = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
};

for (const [name, path] of Object.entries(PAGES)) {
  describe(name, () => {
    for (const [look, options] of Object.entries(looks)) {
      test(`is free of errors and accessible: ${look}`, async () => {
        const { page, context, faults } = await openPage(chrome.browser, options);
        const answer = await page.goto(server.url + path);
        assert.equal(answer.status(), 200);
        await page.waitForTimeout(200);
        await shoot(page, `${name}-${look}`);
        assert.deepEqual(await axe(page), []);
        assert.deepEqual(faults, []);
        await context.close();
      });
    }

    test('reflows at 320 pixels', async () => {
      const { page, context } = await openPage(chrome.browser, { viewport: { width: 320, height: 640 } });
      await page.goto(server.url + path);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
      await shoot(page, `${name}-320`);
      await context.close();
    });

    test('is complete without JavaScript', async () => {
      const { page, context, faults } = await openPage(chrome.browser, { javaScriptEnabled: false });
      await page.goto(server.url + path);
      assert.equal(await page.locator('h1').count(), 1);
      assert.ok(await page.locator('.tile').count() === 6);
      assert.ok(await page.locator('tbody tr').count() > 0);
      await shoot(page, `${name}-no-script`);
      assert.deepEqual(faults, []);
      await context.close();
    });

    test('does not move when it refreshes', async () => {
      const { page, context, faults } = await openPage(chrome.browser, looks.light);
      await page.addInitScript(() => {
        window.shift = 0;
        new PerformanceObserver(list => list.getEntries().forEach(e => { window.shift += e.value; }))
          .observe({ type: 'layout-shift', buffered: true });
      });
      await page.goto(server.url + path);
      await page.waitForTimeout(300);
      const row = await page.locator('tbody[data-rows] tr').first().elementHandle();
      const stamp = await page.textContent('#updated time');
      await server.tell('traffic');
      await page.waitForFunction(old => document.querySelector('#updated time')?.textContent !== old, stamp,
        { timeout: 15000 });
      assert.ok(await row.evaluate(node => node.isConnected), 'rows are kept');
      assert.ok(await page.evaluate(() => window.shift) < 0.02);
      assert.deepEqual(faults, []);
      await context.close();
    });

    test('shows a viewer no actions', async () => {
      const { page, context } = await openPage(chrome.browser, { httpCredentials: VIEWER });
      await page.goto(server.url + path);
      assert.equal(await page.locator('form[method=post], dialog').count(), 0);
      await context.close();
    });
  });
}

test('the own daemon serves the same page', async () => {
  const { page, context, faults } = await openPage(chrome.browser, looks.light);
  await page.goto(server.adminUrl + PAGES.overview);
  assert.equal(await page.textContent('h1'), 'Performance');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a wrong password does not get in', async () => {
  const context = await chrome.browser.newContext({ httpCredentials: { ...OPERATOR, password: 'wrong password' } });
  const page = await context.newPage();
  const answer = await page.goto(server.url + PAGES.overview).catch(() => null);
  assert.ok(answer === null || answer.status() === 401);
  assert.equal(await page.locator('.tile').count(), 0);
  await context.close();
});

test('hostile names stay text', async () => {
  await server.tell('hostile');
  const { page, context, faults } = await openPage(chrome.browser, looks.light);
  for (const path of Object.values(PAGES)) {
    await page.goto(server.url + path);
    await page.waitForTimeout(200);
    assert.doesNotMatch(await page.title(), /owned/);
    assert.equal(await page.locator('img').count(), 0);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('filter, order and pages are addresses', async () => {
  const { page, context } = await openPage(chrome.browser, { ...looks.light, javaScriptEnabled: false });
  await page.goto(server.url + PAGES.overview);
  await page.fill('#q', 'article');
  await page.click('.filter button');
  assert.equal(await page.locator('tbody[data-rows=routes] tr').count(), 1);
  await page.click('text=Show all');
  await page.click('th >> text=Route');
  assert.equal(await page.locator('th[aria-sort=ascending]').innerText().then(t => t.trim()), 'Route');
  await page.click('tbody[data-rows=routes] a:has-text("/search")');
  assert.match(await page.textContent('#route-detail h2'), /\/search/);
  await shoot(page, 'overview-detail');
  await context.close();
});

test('rows do not move under the pointer', async () => {
  const { page, context } = await openPage(chrome.browser, looks.light);
  await page.goto(`${server.url}${PAGES.overview}?sort=count`);
  const rows = page.locator('tbody[data-rows=routes] tr');
  const keys = () => rows.evaluateAll(list => list.map(r => r.dataset.key));
  await page.evaluate(() => {
    const tbody = document.querySelector('tbody[data-rows=routes]');
    tbody.append(tbody.firstElementChild); /* as if the server's order had changed since */
  });
  const mine = await keys();
  await rows.nth(1).hover();
  await page.waitForSelector('.moved', { timeout: 15000 });
  assert.deepEqual(await keys(), mine);
  await page.click('.moved button');
  assert.notDeepEqual(await keys(), mine);
  await context.close();
});

test('polling pauses, and says when the server is gone', async () => {
  const { page, context } = await openPage(chrome.browser, looks.light);
  await page.goto(server.url + PAGES.overview);
  let polls = 0;
  await page.route('**/admin/performance', route => { polls++; return route.abort(); });
  await page.click('#pause');
  assert.equal(await page.getAttribute('#pause', 'aria-pressed'), 'true');
  await page.waitForTimeout(6000);
  assert.equal(polls, 0);
  for (let i = 0; i < 3; i++) { /* each press polls at once */
    await page.click('#pause');
    await page.waitForTimeout(200);
    if (i < 2) await page.click('#pause');
  }
  assert.ok(polls >= 3);
  assert.match(await page.textContent('#updated'), /No answer for \d+ s/);
  await page.unroute('**/admin/performance');
  await page.click('#pause');
  await page.click('#pause');
  await page.waitForSelector('#updated time');
  await context.close();
});

test('Redis that is gone is a banner, not an error', async () => {
  const { page, context } = await openPage(chrome.browser, looks.light);
  await server.tell('redis stop');
  await page.goto(server.url + PAGES.overview);
  await page.waitForSelector('.strip-warn >> text=Redis unreachable since', { timeout: 30000 });
  await shoot(page, 'overview-degraded');
  assert.deepEqual(await axe(page), []);
  await server.tell('redis start');
  await page.waitForSelector('.strip-warn', { state: 'detached', timeout: 40000 });
  await context.close();
});

test('a site without any part says what is off', async () => {
  const bare = await startServer('--bare');
  const { page, context, faults } = await openPage(chrome.browser, looks.light);
  for (const [name, path] of Object.entries(PAGES)) {
    await page.goto(bare.url + path);
    await page.waitForTimeout(100);
    await shoot(page, `${name}-bare`);
    assert.deepEqual(await axe(page), []);
  }
  assert.deepEqual(faults, []);
  await context.close();
  await bare.stop();
});
