// actions.test.js - each action in a browser, with JavaScript and without; keyboard; other sites.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { PAGES, openPage, shoot, startBrowser, startServer } from './server.js';

let server, chrome;
before(async () => {
  server = await startServer();
  chrome = await startBrowser();
});
after(async () => {
  await chrome?.stop();
  await server?.stop();
});

const open = async (path, options = {}) => {
  const opened = await openPage(chrome.browser, { viewport: { width: 1280, height: 900 }, ...options });
  await opened.page.goto(server.url + path);
  return opened;
};

/* [page, dialog, fields, button, what is said afterwards] */
const dialogs = [
  ['overview', 'clear-key', { 'key-value': 'no:such:key' }, 'Clear', /There was no such key/],
  ['overview', 'clear-tag', { 'tag-value': 'news' }, 'Clear', /unreadable now/],
  ['overview', 'clear-pattern', { 'pattern-value': 'zzz:*' }, 'Clear', /Removed 0 keys/],
  ['overview', 'clear-pattern', { 'pattern-value': 'zzz:*' }, 'Count first', /Would remove 0 keys/],
  ['overview', 'clear-all', { 'all-confirm': 'all' }, 'Clear all', /The cache is empty/],
  ['overview', 'fire-event', { 'event-value': 'news_changed' }, 'Report', /are dropped/],
  ['overview', 'drop-tag', { 'drop-value': 'news' }, 'Drop', /unreadable now/],
  ['overview', 'reset-stats', {}, 'Reset', /count from now on/],
  ['ssr', 'clear-template', { 'template-value': 'home.html' }, 'Drop', /Dropped [01] compiled template/],
];

describe('dialogs', () => {
  for (const [name, id, fields, button, said] of dialogs) {
    test(`${id}, ${button}: with JavaScript`, async () => {
      const { page, context, faults } = await open(PAGES[name]);
      await page.click(`[data-dialog=${id}]`);
      const dialog = page.locator(`#${id}`);
      assert.ok(await dialog.evaluate(node => node.matches(':modal')));
      for (const [field, value] of Object.entries(fields)) await page.fill(`#${field}`, value);
      await dialog.getByRole('button', { name: button, exact: true }).click();
      await page.waitForFunction(([at, source]) => new RegExp(source).test(document.querySelector(at).textContent),
        [`#${id} .outcome`, said.source]);
      assert.deepEqual(faults, []);
      await context.close();
    });

    test(`${id}, ${button}: without JavaScript`, async () => {
      const { page, context, faults } = await open(PAGES[name], { javaScriptEnabled: false });
      await page.click(`[data-dialog=${id}]`);
      for (const [field, value] of Object.entries(fields)) await page.fill(`#${field}`, value);
      await page.locator(`#${id}`).getByRole('button', { name: button, exact: true }).click();
      assert.match(await page.textContent('#result'), said);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
});

test('more than a thousand keys need a typed word', async () => {
  await server.tell('many');
  const { page, context } = await open(PAGES.overview);
  const outcome = page.locator('#clear-pattern .outcome');
  await page.click('[data-dialog=clear-pattern]');
  await page.fill('#pattern-value', 'many:*');
  await page.click('#clear-pattern button:has-text("Count first")');
  await page.waitForSelector('#pattern-confirm:visible');
  assert.match(await outcome.textContent(), /Would remove 1,500 keys/);
  await shoot(page, 'dialog-confirm', false);
  await page.click('#clear-pattern button.danger');
  await page.waitForFunction(() => /Type "remove"/.test(document.querySelector('#clear-pattern .outcome').textContent));
  await page.fill('#pattern-confirm', 'remove');
  await page.click('#clear-pattern button.danger');
  await page.waitForFunction(() => /Removed 1,500 keys/.test(document.querySelector('#clear-pattern .outcome').textContent));
  await context.close();

  await server.tell('many');
  const plain = await open(PAGES.overview, { javaScriptEnabled: false });
  await plain.page.click('[data-dialog=clear-pattern]');
  await plain.page.fill('#pattern-value', 'many:*');
  await plain.page.click('#clear-pattern button.danger');
  assert.match(await plain.page.textContent('#result'), /This would remove 1,500 keys/);
  await shoot(plain.page, 'confirm-no-script');
  await plain.page.fill('#result-confirm', 'remove');
  await plain.page.click('#result button');
  assert.match(await plain.page.textContent('#result'), /Removed 1,500 keys/);
  await plain.context.close();
});

describe('buttons', () => {
  const buttons = [['templates.warm', 'Compile all', /3 templates ready/],
    ['templates.optimize', 'Drop unused', /Dropped \d templates? that nobody used/],
    ['templates.clear', 'Drop all', /Dropped \d compiled template/],
    ['stats.reset', 'Reset numbers', /count from now on/]];
  for (const [action, label, said] of buttons) {
    test(`${action}: with and without JavaScript`, async () => {
      const { page, context, faults } = await open(PAGES.ssr);
      await page.getByRole('button', { name: label, exact: true }).click();
      await page.waitForFunction(source => new RegExp(source).test(document.getElementById('templates-outcome').textContent),
        said.source);
      assert.deepEqual(faults, []);
      await context.close();
      const plain = await open(PAGES.ssr, { javaScriptEnabled: false });
      await plain.page.getByRole('button', { name: label, exact: true }).click();
      assert.match(await plain.page.textContent('#result'), said);
      await plain.context.close();
    });
  }

  const jobs = [['Precompile all', /built/], ['Verify hashes', /match/], ['Verify and rebuild', /match|built again/],
    ['Compress', /variants written/], ['Purge old files', /deleted/], ['Make image variants', /variants of 0 images/]];
  for (const [label, said] of jobs) {
    test(`job ${label}: with and without JavaScript`, async () => {
      const { page, context, faults } = await open(PAGES.assets);
      await page.getByRole('button', { name: label, exact: true }).click();
      await page.waitForFunction(source => new RegExp(source).test(document.querySelector('#job li')?.textContent ?? ''),
        said.source, { timeout: 20000 });
      assert.deepEqual(faults, []);
      await context.close();
      const plain = await open(PAGES.assets, { javaScriptEnabled: false });
      await plain.page.getByRole('button', { name: label, exact: true }).click();
      assert.match(await plain.page.textContent('#result'), /Started/);
      for (let i = 0; i < 50 && await plain.page.locator('#job progress').count(); i++) {
        await plain.page.waitForTimeout(100);
        await plain.page.goto(server.url + PAGES.assets);
      }
      assert.match(await plain.page.textContent('#job li'), said);
      await plain.context.close();
    });
  }

  test('precompile of some files', async () => {
    const { page, context } = await open(PAGES.assets);
    await page.fill('#patterns', '*.css');
    await page.getByRole('button', { name: 'Precompile', exact: true }).click();
    await page.waitForFunction(() => /of 1 files built/.test(document.querySelector('#job li')?.textContent ?? ''));
    await shoot(page, 'assets-after-job');
    await context.close();
  });
});

test('the keyboard alone is enough', async () => {
  const { page, context, faults } = await open(PAGES.overview);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.locator('[data-dialog=clear-tag]').focus();
  await page.keyboard.press('Space');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'tag-value');
  await page.keyboard.type('news');
  for (let i = 0; i < 12; i++) { /* focus stays inside the dialog or in the browser's own bars */
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement === document.body ||
      document.querySelector('#clear-tag').contains(document.activeElement)));
  }
  await page.locator('#tag-value').focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /unreadable now/.test(document.querySelector('#clear-tag .outcome').textContent));
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.dialog), 'clear-tag');
  assert.deepEqual(faults, []);
  await context.close();
});

test('focus can be seen, and targets are large enough', async () => {
  const { page, context } = await open(PAGES.overview);
  const small = await page.locator('button:visible, a.button:visible, .tabs a, .windows a, thead a').evaluateAll(
    list => list.map(n => n.getBoundingClientRect()).filter(r => r.width < 24 || r.height < 24).length);
  assert.equal(small, 0);
  await page.locator('[data-dialog=clear-key]').focus();
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Tab');
  assert.notEqual(await page.locator('[data-dialog=clear-key]').evaluate(n => getComputedStyle(n).outlineStyle), 'none');
  await context.close();
});

test('another site cannot act for the operator', async () => {
  const { page, context } = await open(PAGES.overview);
  const target = `${server.url}/admin/performance/api/v1/actions/cache.clear`;
  const token = await page.getAttribute('body', 'data-csrf');
  const evil = createServer((req, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end(`<form method="post" action="${target}"><input name="by" value="all"><input name="confirm" value="all">
      <input name="csrf" value="${token}"><button>win a prize</button></form>`);
  });
  await new Promise(resolve => evil.listen(0, '127.0.0.1', resolve));
  await page.goto(`http://127.0.0.1:${evil.address().port}/`);
  const [answer] = await Promise.all([page.waitForResponse(target), page.click('button')]);
  assert.equal(answer.status(), 403);
  await page.goto(`http://127.0.0.1:${evil.address().port}/`);
  const status = await page.evaluate(async url => {
    const answer = await fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'by=all&confirm=all' }).catch(() => null);
    return answer?.type ?? 'refused';
  }, target);
  assert.ok(['opaque', 'refused'].includes(status));
  evil.close();
  await context.close();
});

test('an old token is refused in words', async () => {
  const { page, context } = await open(PAGES.overview);
  await page.evaluate(() => { document.body.dataset.csrf = '0'.repeat(48); });
  await page.click('[data-dialog=clear-tag]');
  await page.fill('#tag-value', 'news');
  await page.click('#clear-tag button.danger');
  await page.waitForFunction(() => /Load the page again/.test(document.querySelector('#clear-tag .outcome').textContent));
  await context.close();
});
