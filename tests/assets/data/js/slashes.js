// Divisions and regular expressions.
var a = 4, b = 2, g = 1, i = 1
var q1 = a / b / g
var q2 = a++ / b
var q3 = (a) / b / g
var q4 = [a][0] / b / g
var q5 = {}.x / b / g
var q6 = `${ a / b }` / g
var q7 = `${ /}`/.test(a) }`
var r1 = /[/]/ / 1
var r2 = /\/[\]/]/g
if (a) /re/.test(b)
while (b--) /re/.exec(a)
for (const m of /x/[Symbol.matchAll]('x')) ;
do /re/.test(a); while (0) /after/.test(b)
function f() { } /after declaration/.test(a)
var e = function () { } / 2 / g
var c = class { } / 2 / g
class D { } /after class/.test(a)
{ } /after block/.test(a)
var o = { } / 2 / g
var t = typeof /x/
var v = void /x/
var n = new /x/.constructor('y')
var y = a ? /x/ : /y/
var z = a ? { } / 2 : { } / g
label: /x/.test(a)
switch (a) { case /x/: break; default: /y/.test(b) }
var p = a.return / b / g
var s = a?.if / b / g
var arrow = x => { }
/after arrow/.test(a)
var arrow2 = x => /x/
var arrow3 = async x => await /x/
var arrow4 = async (x) => { await /x/ }
async function af() { await /x/; for await (const x of /y/) ; }
function* gen() { yield /x/; yield* /y/; yield
/z/.test(a) }
function plain() { var yield_ = 1; return yield_ / 2 / g }
var k = 1 / /1/
var l = 010.constructor / 2 / g
var m = a in /x/
var u = a instanceof /x/.constructor / b
var w = !/x/.test(a)
var d1 = (function () { return /x/ })() / 2 / g
var d2 = a[/x/] / b
var d3 = ((a)) / b / g
if (a) { } else /x/.test(b)
try { } catch { } /x/.test(a)
try { } finally { } /x/.test(a)
throw /x/
