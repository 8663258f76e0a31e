// measure.mjs - loads the site and its baseline in headless Chromium over a throttled network, alternating,
// and measures queries, render time and hit rate over plain HTTP. Called by kpi.sh.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { chromium } from "playwright-core";

const [optimisedFile, baselineFile, out, loadsText, profile] = process.argv.slice(2);
const sites = {
  baseline: JSON.parse(readFileSync(baselineFile, "utf8")),
  optimised: JSON.parse(readFileSync(optimisedFile, "utf8")),
};
const loads = Number(loadsText);

// Lighthouse's desktop profile, and its slow 4G for phones (with a CPU four times slower).
const profiles = {
  desktop: { kbps: 10 * 1024, rtt: 40, cpu: 1, width: 1350, height: 940, mobile: false },
  mobile: { kbps: 1.6 * 1024, rtt: 150, cpu: 4, width: 412, height: 823, mobile: true },
};
const network = profiles[profile];

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
};
const progress = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
function get(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent, headers: { "Accept-Encoding": "gzip" } }, (response) => {
        response.resume();
        response.on("end", () => resolve(response));
      })
      .on("error", reject);
  });
}

// What the server says of one request: "db;dur=1.2;desc="19 queries", ..., render;dur=0.4".
function timing(response) {
  const header = response.headers["server-timing"] ?? "";
  const number = (pattern) => Number((header.match(pattern) ?? [, "NaN"])[1]);
  return {
    queries: number(/db;dur=[\d.]+;desc="(\d+)/),
    render: number(/render;dur=([\d.]+)/),
    hit: header.includes("page-hit"),
  };
}

// Statements that PostgreSQL itself has counted, but for this question.
function statements(site) {
  const sql =
    "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid " +
    "WHERE d.datname = 'news' AND query NOT LIKE '%pg_stat_statements%'";
  return Number(execFileSync("psql", ["-XAt", "-d", site.database, "-c", sql], { encoding: "utf8" }));
}

async function countQueries(site, path) {
  const before = statements(site);
  await get(new URL(path, site.site));
  return statements(site) - before;
}

async function loadPage(browser, site) {
  const context = await browser.newContext({
    viewport: { width: network.width, height: network.height },
    isMobile: network.mobile,
    deviceScaleFactor: network.mobile ? 2 : 1,
  });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: network.rtt,
    downloadThroughput: (network.kbps * 1024) / 8,
    uploadThroughput: (network.kbps * 1024) / 8,
  });
  await session.send("Emulation.setCPUThrottlingRate", { rate: network.cpu });
  await page.addInitScript(() => {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.largestPaint = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
  });
  await page.goto(site.site, { waitUntil: "load", timeout: 120000 });
  await page.waitForLoadState("networkidle", { timeout: 120000 });
  const result = await page.evaluate(() => {
    const navigation = performance.getEntriesByType("navigation")[0];
    const resources = performance.getEntriesByType("resource");
    const images = resources.filter((r) => r.initiatorType === "img" || /\.(jpe?g|png|webp)$/.test(r.name));
    return {
      load: navigation.loadEventEnd,
      paint: window.largestPaint,
      firstByte: navigation.responseStart,
      images: images.length
        ? Math.max(...images.map((r) => r.responseEnd)) - Math.min(...images.map((r) => r.startTime))
        : 0,
      bytes: resources.reduce((sum, r) => sum + r.transferSize, navigation.transferSize),
      imageBytes: images.reduce((sum, r) => sum + r.transferSize, 0),
      requests: resources.length + 1,
    };
  });
  await context.close();
  return result;
}

async function browserLoads() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const runs = { baseline: [], optimised: [] };
  for (let i = 0; i < loads; i++) {
    for (const name of i % 2 ? ["optimised", "baseline"] : ["baseline", "optimised"]) {
      progress(`load ${i + 1} of ${loads}: ${name}`);
      runs[name].push(await loadPage(browser, sites[name]));
    }
  }
  await browser.close();
  return runs;
}

// Links of a listing page, for pages that nobody has asked for yet.
async function articlePaths(site, category, pages) {
  const paths = new Set();
  for (let page = 1; page <= pages; page++) {
    const response = await fetch(new URL(`/category/${category}?page=${page}`, site.site));
    for (const match of (await response.text()).matchAll(/href="?(\/article\/[^"> ]+)/g)) paths.add(match[1]);
  }
  return [...paths];
}

async function renderTimes(site, paths) {
  const times = [];
  for (const path of paths) {
    const { render } = timing(await get(new URL(path, site.site)));
    if (render > 0) times.push(render);
  }
  return times;
}

// Zipf's law with exponent 1 over the pages, the same sequence each time.
async function zipfLoad(site, paths, requests) {
  const weights = paths.map((_, i) => 1 / (i + 1));
  const total = weights.reduce((a, b) => a + b);
  let seed = 12345;
  const random = () => ((seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648) * total;
  let hits = 0;
  let done = 0;
  const worker = async () => {
    while (done < requests) {
      done++;
      let rest = random();
      let i = 0;
      while (i < weights.length - 1 && (rest -= weights[i]) > 0) i++;
      if (timing(await get(new URL(paths[i], site.site))).hit) hits++;
      if (done % 500 === 0) progress(`Zipf load: ${done} of ${requests}`);
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: 8 }, worker));
  return { hits, requests: done, perSecond: done / ((performance.now() - from) / 1000) };
}

const cold = { baseline: await countQueries(sites.baseline, "/"), optimised: await countQueries(sites.optimised, "/") };
const warm = { baseline: await countQueries(sites.baseline, "/"), optimised: await countQueries(sites.optimised, "/") };
const runs = await browserLoads();

progress("render times");
const paths = await articlePaths(sites.baseline, "games", 3);
const render = {
  baseline: await renderTimes(sites.baseline, paths),
  optimised: await renderTimes(sites.optimised, paths),
};
const zipfPaths = (await articlePaths(sites.baseline, "utils", 20)).slice(0, 400);
const zipf = await zipfLoad(sites.optimised, zipfPaths, 6000);
const zipfBaseline = await zipfLoad(sites.baseline, zipfPaths, 600);
progress("");

const of = (name, field) => median(runs[name].map((run) => run[field]));
const change = (before, after) => (before ? ((after - before) / before) * 100 : NaN);
const row = (metric, unit, before, after, digits = 0) => ({
  metric, unit, baseline: Number(before.toFixed(digits)), optimised: Number(after.toFixed(digits)),
  change_percent: Number(change(before, after).toFixed(1)),
});
const table = [
  row("page load", "ms", of("baseline", "load"), of("optimised", "load")),
  row("largest contentful paint", "ms", of("baseline", "paint"), of("optimised", "paint")),
  row("time to first byte", "ms", of("baseline", "firstByte"), of("optimised", "firstByte")),
  row("image load time", "ms", of("baseline", "images"), of("optimised", "images")),
  row("bytes of the page", "KiB", of("baseline", "bytes") / 1024, of("optimised", "bytes") / 1024),
  row("bytes of images", "KiB", of("baseline", "imageBytes") / 1024, of("optimised", "imageBytes") / 1024),
  row("database queries, cold", "", cold.baseline, cold.optimised),
  row("database queries, warm", "", warm.baseline, warm.optimised),
  row("template render", "ms", median(render.baseline), median(render.optimised), 3),
  row("requests per second, Zipf", "1/s", zipfBaseline.perSecond, zipf.perSecond),
];
const hitRate = (zipf.hits / zipf.requests) * 100;

const pad = (text, width) => String(text).padStart(width);
console.log(`${profile}, ${loads} loads each, medians`);
console.log(`${"".padEnd(28)}${pad("baseline", 12)}${pad("optimised", 12)}${pad("change", 10)}`);
for (const r of table)
  console.log(`${r.metric.padEnd(28)}${pad(`${r.baseline} ${r.unit}`.trim(), 12)}` +
    `${pad(`${r.optimised} ${r.unit}`.trim(), 12)}${pad(`${r.change_percent} %`, 10)}`);
console.log(`${"cache hit rate, Zipf".padEnd(28)}${pad("-", 12)}${pad(`${hitRate.toFixed(1)} %`, 12)}`);
writeFileSync(out, JSON.stringify({ profile, network, loads, table, cache_hit_rate_percent: hitRate,
  zipf: { optimised: zipf, baseline: zipfBaseline }, runs, render }, null, 1));
agent.destroy();
