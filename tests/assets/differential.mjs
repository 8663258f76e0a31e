// Minifies real and nasty files and compares what another parser makes of the source and of the
// result: acorn's syntax trees for JavaScript, lightningcss's normal form for CSS, parse5's document
// for HTML.
//
//     node differential.mjs NODE_MODULES TOOL DATA_FOLDER js|css|html
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const [modules, tool, data, language] = process.argv.slice(2);
const load = createRequire(path.join(path.resolve(modules), 'x.js'));

function filesBelow(folder, pattern) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(name, pattern);
    return entry.isFile() && pattern.test(entry.name) ? [name] : [];
  });
}

// ---- JavaScript: the same tree, positions aside -----------------------------------------------

function tree(source, file) {
  const acorn = load('acorn');
  const isModule = /module|\.mjs$/.test(path.basename(file));
  let failure;
  for (const sourceType of isModule ? ['module', 'script'] : ['script', 'module']) {
    try {
      return acorn.parse(source, {
        ecmaVersion: 'latest', sourceType, allowHashBang: true, preserveParens: true,
      });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function plainTree(source, file) {
  return JSON.stringify(tree(source, file), (key, value) => {
    if (key === 'start' || key === 'end') return undefined;
    return typeof value === 'bigint' || value instanceof RegExp ? String(value) : value;
  });
}

// ---- CSS: the same sheet after lightningcss has minified both ---------------------------------

// Inside of values it does not understand, such as calc(var(--a) * 2), it keeps white space.
function withoutOptionalSpaces(css) {
  return css.replace(/\s*([,*/()>])\s*/g, '$1').replace(/\s+}/g, '}');
}

function plainSheet(source) {
  const { transform } = load('lightningcss');
  const { code } = transform({
    filename: 'x.css', code: Buffer.from(source), minify: true, errorRecovery: true,
  });
  return withoutOptionalSpaces(code.toString().replace(/\/\*![^]*?\*\//g, ''));
}

// ---- HTML: the same document, white space that is not shown aside -----------------------------

function plainScript(node) {
  const type = node.attrs.find((attribute) => attribute.name === 'type')?.value;
  const text = node.childNodes[0]?.value ?? '';
  if (!type) return plainTree(text, 'inline.js');
  return type.endsWith('json') ? JSON.stringify(JSON.parse(text)) : text;
}

function describe(node, out, kept) {
  if (node.nodeName === '#text') {
    const text = kept ? node.value : node.value.replace(/[ \t\n\r\f]+/g, ' ').trim();
    if (text) out.push(`text ${JSON.stringify(text)}`);
    return;
  }
  if (node.nodeName === '#comment') return;
  out.push(`<${node.nodeName} ${JSON.stringify(node.attrs ?? [])}`);
  const keeps = kept || ['pre', 'textarea', 'listing'].includes(node.nodeName);
  // Scripts and styles are compared as what they are.
  if (node.nodeName === 'style') out.push(plainSheet(node.childNodes[0]?.value ?? ''));
  else if (node.nodeName === 'script') out.push(plainScript(node));
  else for (const child of node.childNodes ?? []) describe(child, out, keeps);
  if (node.content) describe(node.content, out, keeps);
  out.push('>');
}

function plainDocument(source) {
  const out = [];
  describe(load('parse5').parse(source), out, false);
  return out.join('\n');
}

// ---- comparing --------------------------------------------------------------------------------

const languages = {
  js: {
    plain: plainTree,
    least: 2000,
    files: () => [
      ...filesBelow(path.join(modules, 'test262-parser-tests', 'pass'), /\.js$/),
      ...filesBelow(path.join(modules, 'test262-parser-tests', 'pass-explicit'), /\.js$/),
      ...['acorn', 'bootstrap', 'jquery', 'parse5', 'entities', '@popperjs'].flatMap((name) =>
        filesBelow(path.join(modules, name), /\.m?js$/)),
      ...filesBelow('/usr/share/javascript', /\.m?js$/),
      ...filesBelow(path.join(data, 'js'), /\.m?js$/),
    ],
  },
  css: {
    plain: plainSheet,
    least: 12,
    files: () => [
      ...filesBelow(path.join(modules, 'bootstrap'), /\.css$/),
      ...filesBelow('/usr/share/javascript', /\.css$/),
      ...filesBelow(path.join(data, 'css'), /\.css$/),
    ],
  },
  html: {
    plain: plainDocument,
    least: 1,
    files: () => filesBelow(path.join(data, 'html'), /\.html$/),
  },
};

function firstDifference(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return `\n  source ${a.slice(Math.max(0, at - 60), at + 60)}\n  result ${b.slice(Math.max(0, at - 60), at + 60)}`;
}

const { plain, files, least } = languages[language];
const all = files();
const output = fs.mkdtempSync(path.join(os.tmpdir(), 'perfopt-differential-'));
let [compared, before, after] = [0, 0, 0];
const faults = [];
try {
  for (let i = 0; i < all.length; i += 500)
    execFileSync(tool, [output, String(i), ...all.slice(i, i + 500)]);
  all.forEach((file, i) => {
    const source = fs.readFileSync(file, 'utf8');
    let expected;
    try {
      expected = plain(source, file);
    } catch (error) {
      // The judge does not know every syntax that real files have; but ours it must know.
      if (file.startsWith(data)) faults.push(`${file}: the judge refuses it: ${error.message}`);
      return;
    }
    compared++;
    const result = path.join(output, String(i));
    if (!fs.existsSync(result)) {
      faults.push(`${file}: refused: ${fs.readFileSync(`${result}.error`, 'utf8')}`);
      return;
    }
    const text = fs.readFileSync(result, 'utf8');
    before += source.length;
    after += text.length;
    try {
      const got = plain(text, file);
      if (got !== expected) faults.push(`${file}: means something else${firstDifference(expected, got)}`);
    } catch (error) {
      faults.push(`${file}: cannot be parsed any more: ${error.message}`);
    }
  });
} finally {
  fs.rmSync(output, { recursive: true });
}
for (const fault of faults.slice(0, 20)) console.error(fault);
console.log(`${language}: ${compared} of ${all.length} files compared, ${faults.length} faults, `
  + `${before} -> ${after} characters`);
process.exitCode = faults.length > 0 || compared < least ? 1 : 0;
