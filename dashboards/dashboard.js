/* dashboard.js - keeps a dashboard current, and makes its actions answer in place. The page is
 * complete without it: it fetches the same page again and changes only what differs, so every
 * number is formatted in one place, on the server. */
(() => {
  'use strict';

  const MAX_WAIT_MS = 60000;
  const body = document.body;
  const interval = Number(body.dataset.interval) || 5000;
  const root = body.dataset.root;
  const updated = document.getElementById('updated');
  const announce = document.getElementById('announce');

  let etag = '';
  let timer = 0;
  let failures = 0;
  let paused = false;
  let lastGood = Date.now();
  let lastStrip = 0;

  const say = text => { announce.textContent = text; };

  /* ---- taking over a new version of the page ---- */

  function sameAttributes(from, to) {
    for (const { name, value } of [...to.attributes])
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    for (const { name } of [...from.attributes])
      if (!to.hasAttribute(name) && !(name === 'open' && from.hasAttribute('data-keep-open')))
        from.removeAttribute(name);
  }

  const keyOf = node => (node.nodeType === 1 ? node.dataset.key || node.id : '');

  const isBusy = element => element.matches(':hover') || element.contains(document.activeElement);

  /* Rows stay where they are while somebody reads or points at them. */
  function rows(from, to) {
    const old = new Map([...from.children].map(row => [keyOf(row), row]));
    const fresh = [...to.children];
    const order = [];
    for (const row of fresh) {
      const known = old.get(keyOf(row));
      if (known) {
        old.delete(keyOf(row));
        merge(known, row);
      }
      order.push(known || row);
    }
    const before = [...from.children].filter(row => order.includes(row));
    const after = order.filter(row => before.includes(row));
    const moved = after.filter((row, i) => row !== before[i]).length;
    if (moved && isBusy(from)) {
      offer(from, moved, () => from.replaceChildren(...order));
      return;
    }
    offer(from, 0);
    if (moved || order.length !== from.children.length || old.size) from.replaceChildren(...order);
  }

  /* "3 rows would move - Apply", under the table. */
  function offer(tbody, count, apply) {
    const wrap = tbody.closest('.table-wrap');
    const there = wrap.nextElementSibling?.classList.contains('moved') ? wrap.nextElementSibling : null;
    if (!count) {
      there?.remove();
      return;
    }
    const line = there || document.createElement('p');
    line.className = 'moved note';
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Apply';
    button.addEventListener('click', () => { apply(); line.remove(); });
    line.replaceChildren(`${count} row${count === 1 ? '' : 's'} would move `, button);
    if (!there) wrap.after(line);
  }

  const sameKind = (a, b) =>
    a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  function merge(from, to) {
    if (from.nodeType !== 1) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    if (from.hasAttribute('data-keep') || from.nodeName === 'DIALOG' || from.nodeName === 'INPUT') return;
    if (from.nodeName === 'DETAILS' && from.open) to.setAttribute('open', '');
    if (from.tabIndex === -1 && from === document.activeElement) to.setAttribute('tabindex', '-1');
    sameAttributes(from, to);
    if (from.nodeName === 'TBODY' && from.hasAttribute('data-rows')) {
      rows(from, to);
      return;
    }
    children(from, to);
  }

  function children(from, to) {
    const old = [...from.childNodes].filter(n => n.nodeType !== 1 || !n.classList.contains('moved'));
    const fresh = [...to.childNodes];
    let i = 0;
    for (const node of fresh) {
      if (i < old.length && sameKind(old[i], node)) {
        merge(old[i++], node);
        continue;
      }
      const at = old.findIndex((other, j) => j > i && keyOf(node) && sameKind(other, node));
      if (at > 0) {
        old.splice(i, at - i).forEach(n => n.remove());
        merge(old[i++], node);
      } else {
        from.insertBefore(node, old[i] || null);
      }
    }
    old.slice(i).forEach(n => { if (!n.contains(document.activeElement)) n.remove(); });
  }

  function take(text) {
    const fresh = new DOMParser().parseFromString(text, 'text/html');
    const main = fresh.getElementById('main');
    if (!main) throw new Error('not a dashboard');
    body.dataset.csrf = fresh.body.dataset.csrf || '';
    fresh.getElementById('result')?.remove();
    document.getElementById('result')?.remove();
    merge(document.getElementById('main'), main);
    refreshTokens(fresh);
    const now = Date.now();
    if (now - lastStrip >= 10000) { /* a screen reader hears of changes every 10 s at most */
      lastStrip = now;
      merge(document.getElementById('strip'), fresh.getElementById('strip'));
    }
    updated.replaceChildren(...fresh.getElementById('updated').childNodes);
    drawCharts();
  }

  /* Dialogs are left alone, but what they send must be current. */
  function refreshTokens() {
    if (!body.dataset.csrf) return;
    for (const field of document.querySelectorAll('input[name=csrf]')) field.value = body.dataset.csrf;
  }

  /* ---- polling ---- */

  function schedule(wait) {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(poll, wait);
  }

  function stale(on) {
    body.classList.toggle('is-stale', on);
    if (on) updated.textContent = `No answer for ${Math.round((Date.now() - lastGood) / 1000)} s`;
  }

  async function poll() {
    try {
      const url = new URL(location.href);
      url.hash = '';
      url.searchParams.delete('result');
      const answer = await fetch(url, { headers: etag ? { 'If-None-Match': etag } : {}, cache: 'no-store' });
      if (answer.status === 200) {
        etag = answer.headers.get('ETag') || '';
        take(await answer.text());
      } else if (answer.status !== 304) {
        throw new Error(`status ${answer.status}`);
      }
      if (failures >= 3) say('Connected again');
      failures = 0;
      lastGood = Date.now();
      stale(false);
      schedule(interval);
    } catch {
      failures++;
      if (failures === 3) say('The server does not answer; the numbers are old');
      stale(failures >= 3);
      schedule(Math.min(MAX_WAIT_MS, interval * 2 ** Math.min(failures, 4)));
    }
  }

  function pauseButton() {
    const button = document.getElementById('pause');
    button.hidden = false;
    button.addEventListener('click', () => {
      paused = !paused;
      button.setAttribute('aria-pressed', String(paused));
      button.textContent = paused ? 'Go on' : 'Pause';
      if (paused) clearTimeout(timer);
      else poll();
    });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) clearTimeout(timer);
      else if (!paused) poll();
    });
  }

  /* ---- charts: uPlot over the numbers of the table below ---- */

  const charts = new Map();
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function chartData(figure) {
    const t0 = Number(figure.dataset.t0);
    const step = Number(figure.dataset.step);
    const lines = [...figure.querySelectorAll('tbody tr')];
    const data = [lines.map((_, i) => t0 + i * step)];
    const count = figure.querySelectorAll('thead th').length - 1;
    for (let c = 0; c < count; c++)
      data.push(lines.map(line => {
        const v = line.cells[c + 1].dataset.v;
        return v === '' ? null : Number(v);
      }));
    return data;
  }

  const milliseconds = v => (v >= 1000 ? `${+(v / 1000).toFixed(2)} s` : `${v < 1 ? +v.toPrecision(2) : +v.toFixed(1)} ms`);

  /* A point between two gaps has no line: it is drawn as a dot. */
  const alone = (chart, line) =>
    chart.data[line].flatMap((v, i, all) => (v !== null && all[i - 1] == null && all[i + 1] == null ? [i] : []));

  /* Hours and minutes; seconds or the day where these alone would not tell the marks apart. */
  function timeLabels(chart, list) {
    const long = list.length > 1 && list.at(-1) - list[0] > 86400;
    const short = list.some(v => v % 60 !== 0);
    return list.map(v => {
      const iso = new Date(v * 1000).toISOString();
      return long ? `${iso.slice(5, 10)} ${iso.slice(11, 16)}` : iso.slice(11, short ? 19 : 16);
    });
  }

  function chartOptions(figure, box) {
    const colours = [css('--accent'), css('--second')];
    const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const heads = [...figure.querySelectorAll('thead th')].slice(1);
    return {
      width: box.clientWidth, height: box.clientHeight,
      legend: { show: false },
      cursor: { drag: { setScale: false }, points: { size: 7 } },
      tzDate: ts => window.uPlot.tzDate(new Date(ts * 1000), 'Etc/UTC'),
      scales: { y: { range: (u, min, max) => [0, (max || 1) * 1.1] } },
      axes: [{ ...axis, space: 90, values: timeLabels },
             { ...axis, size: 64, values: (u, list) => list.map(milliseconds) }],
      series: [{}, ...heads.map((head, i) => ({ label: head.textContent, stroke: colours[i], width: 1.8, points: { show: true, size: 5, fill: colours[i], filter: alone } }))],
      hooks: { setCursor: [u => tip(u, heads)] },
    };
  }

  /* What the pointer is over, in the caption. */
  function tip(chart, heads) {
    const caption = chart.root.closest('figure').querySelector('figcaption > span');
    caption.dataset.label ??= caption.textContent;
    const i = chart.cursor.idx;
    caption.textContent = i === null || i === undefined ? caption.dataset.label
      : `${new Date(chart.data[0][i] * 1000).toISOString().slice(11, 19)}: ` +
        heads.map((h, c) => `${h.textContent} ${chart.data[c + 1][i] === null ? 'no data' : milliseconds(chart.data[c + 1][i])}`).join(', ');
  }

  /* The caption in words, for who does not see the lines. */
  function chartLabel(figure, data) {
    const caption = figure.querySelector('figcaption > span');
    const heads = [...figure.querySelectorAll('thead th')].slice(1);
    const parts = heads.map((head, i) => {
      const known = data[i + 1].filter(v => v !== null);
      return known.length ? `${head.textContent} ${milliseconds(known.at(-1))} now, min ${milliseconds(Math.min(...known))}, ` +
        `max ${milliseconds(Math.max(...known))}` : `${head.textContent} no data`;
    });
    return `${caption.dataset.label || caption.textContent}: ${parts.join('; ')}`;
  }

  function drawCharts() {
    if (!window.uPlot) return;
    for (const figure of document.querySelectorAll('[data-chart]')) {
      const data = chartData(figure);
      const box = figure.querySelector('.chart-box');
      const known = charts.get(figure.dataset.chart);
      if (!data[0].length || data.slice(1).every(line => line.every(v => v === null))) continue;
      if (known && known.root.isConnected) {
        known.setData(data);
        known.root.setAttribute('aria-label', chartLabel(figure, data));
        continue;
      }
      box.replaceChildren();
      const chart = new window.uPlot(chartOptions(figure, box), data, box);
      chart.root.setAttribute('role', 'img');
      chart.root.setAttribute('aria-label', chartLabel(figure, data));
      charts.set(figure.dataset.chart, chart);
    }
  }

  function redrawCharts() {
    for (const [id, chart] of charts) {
      const box = chart.root.parentNode;
      chart.destroy();
      charts.delete(id);
      box?.replaceChildren();
    }
    drawCharts();
  }

  /* ---- actions ---- */

  async function send(action, fields) {
    const answer = await fetch(`${root}/api/v1/actions/${action}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Perfopt-CSRF': body.dataset.csrf },
      body: JSON.stringify(fields),
    });
    let reply = {};
    try { reply = await answer.json(); } catch { /* an error page */ }
    return { ok: answer.ok, ...reply };
  }

  function fieldsOf(form, submitter) {
    const fields = {};
    for (const [name, value] of new FormData(form, submitter))
      if (name !== 'csrf' && name !== 'back') fields[name] = name === 'dry_run' ? value === 'true' : value;
    return fields;
  }

  function outcomeOf(form) {
    const own = form.querySelector('.outcome');
    if (own) return own;
    const shared = form.closest('section')?.querySelector('.outcome');
    if (shared) return shared;
    const line = document.createElement('p');
    line.className = 'outcome';
    line.setAttribute('role', 'status');
    line.setAttribute('data-keep', '');
    form.closest('.actions, .job, form').after(line);
    return line;
  }

  function show(outcome, text, bad) {
    outcome.textContent = text;
    outcome.classList.toggle('is-bad', Boolean(bad));
  }

  function askToConfirm(form, word) {
    const part = form.querySelector('.confirm');
    if (!part) return;
    part.hidden = false;
    part.querySelector('kbd').textContent = word;
    part.querySelector('input').focus();
  }

  async function submit(event) {
    const form = event.target;
    if (!form.dataset.action) return;
    event.preventDefault();
    const outcome = outcomeOf(form);
    const buttons = [...form.querySelectorAll('button:enabled')];
    const fields = fieldsOf(form, event.submitter);
    buttons.forEach(b => b.setAttribute('aria-disabled', 'true'));
    show(outcome, 'Working…');
    try {
      const reply = await send(form.dataset.action, fields);
      show(outcome, reply.message || (reply.ok ? 'Done' : 'It did not work'), !reply.ok);
      if (reply.confirm) askToConfirm(form, reply.confirm);
      if (reply.job) follow(reply.job, outcome);
      else if (reply.ok && !fields.dry_run) poll();
    } catch {
      show(outcome, 'The server does not answer', true);
    } finally {
      buttons.forEach(b => b.removeAttribute('aria-disabled'));
    }
  }

  /* Asks for a job until it has ended; the page's list is refreshed beside it. */
  async function follow(id, outcome) {
    for (;;) {
      await poll();
      let job;
      try {
        const answer = await fetch(`${root}/api/v1/jobs/${id}`, { cache: 'no-store' });
        if (!answer.ok) break;
        job = await answer.json();
      } catch {
        break;
      }
      if (job.state !== 'running') {
        show(outcome, job.message || job.state, job.state === 'failed');
        break;
      }
      show(outcome, job.total ? `${job.done} of ${job.total}` : 'Working…');
      await new Promise(resolve => setTimeout(resolve, 700));
    }
    poll();
  }

  /* ---- dialogs ---- */

  function openDialog(link) {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog) return false;
    dialog.querySelectorAll('.outcome').forEach(line => show(line, ''));
    dialog.querySelectorAll('.confirm').forEach(part => { part.hidden = true; });
    dialog.showModal();
    (dialog.querySelector('input:not([type=hidden]), select') || dialog.querySelector('h3')).focus();
    dialog.addEventListener('close', () => link.focus(), { once: true });
    return true;
  }

  function clicks(event) {
    const close = event.target.closest('.dialog-close');
    if (close) {
      event.preventDefault();
      close.closest('dialog').close();
      return;
    }
    const link = event.target.closest('[data-dialog]');
    if (link && openDialog(link)) event.preventDefault();
  }

  /* Links that open dialogs act as buttons from here on. */
  function dialogLinks() {
    for (const link of document.querySelectorAll('a[data-dialog]')) {
      link.setAttribute('role', 'button');
      link.setAttribute('aria-haspopup', 'dialog');
    }
  }

  document.addEventListener('click', clicks);
  document.addEventListener('submit', submit);
  document.addEventListener('keydown', event => {
    if (event.key === ' ' && event.target.matches?.('a[role=button]')) {
      event.preventDefault();
      event.target.click();
    }
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawCharts);
  let resizing = 0;
  window.addEventListener('resize', () => { clearTimeout(resizing); resizing = setTimeout(redrawCharts, 150); });

  if (location.hash) {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.nodeName === 'DIALOG') history.replaceState(null, '', location.pathname + location.search);
  }
  if (location.search.includes('result=')) {
    const url = new URL(location.href);
    url.searchParams.delete('result');
    history.replaceState(null, '', url);
  }
  new MutationObserver(dialogLinks).observe(document.getElementById('main'), { childList: true, subtree: true });
  dialogLinks();
  pauseButton();
  drawCharts();
  schedule(interval);
})();
