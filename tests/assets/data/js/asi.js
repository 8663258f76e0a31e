// Line breaks that end statements, and line breaks that do not.
var a = 1
var b = a
++b
a
--b
var c = a
(b)
[0]
`x`
.length
var d = function () { return }
var e = () => { return 1 }
var f = class { }
if (a) { b }
else { c }
if (a)
  b
else if (c)
  d
else
  e
do a
while (b) c
do { } while (a)
for (;;) { break }
for (var i = 0, n = 2; i < n; i++);
outer:
for (var k in a) { continue outer }
function g() {
  return
  a
}
function h() {
  return a
    + b
}
throw_: try { throw a } catch { } finally { }
var o = {
  a
  , b
  , get
  x() { return 1 },
  async
  : 2, get: 3, set: 4, static: 5, async f() { await /re/ }, *g() { yield
  /re/ },
  [a
  + b]: 1
}
var let_ = a
!b
var neg = a
-b
;[1, 2].forEach(a)
;(function () { })()
a = b
/c/d
switch (a) { case 1: b; break
  default: c }
var x = a
/* comment
   over lines */ b
x = y /* on one line */ / z
if (a) ; else ;
while (0) ;
{ ; }
{ a ; ; }
label: { break label }
with (a) { b }
var async = 1
async
function notAsync() { }
var yield_ = 1, let0 = 2
