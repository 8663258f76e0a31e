#!/usr/bin/env node
// Tokens that must not run together, and text that must stay.
var a = 1 , b = 2 , π = 3 , é = 4 , \u0061b = 5 , \u{62}c = 6
a + + b ; a + ++ b ; a - - b ; a - -- b ; a ++ + b ; a -- - b ; a + - b ; - - a ; + + a
a < ! -- b
a -- > b
π in [ é ] ; é instanceof Object ; typeof π ; void é
1 . toString ( ) ; 1.0.toString ( ) ; 1..toString ( ) ; 0x1 . x ; 1e3 . x ; 1n . x
1_000 + 0b1_0 + 0o1_7 + 0xF_F + .5 + 5. + 1e-7 + 1E+7 + 08.5 + 010
a ? .5 : b ; a ?. b ; a ?. [ b ] ; a ?. ( b ) ; a ?? b ; a ??= b ; a ||= b ; a &&= b ; a **= b
a >>> b ; a >>>= b ; a << b ; a >> b ; a ** - b ; a % b ; a ^ b ; ~ a ; ! a ; ! ! a
'it\'s // no comment' + "/* nor this */" + 'line \
continued' + '</script>' + '<!--' + '\u2028'
`a ${ b } c ${ `d ${ { e : `}` } . e } f` } g // h`
String . raw `\u{zz} \` ${ a }` ;
/[/\]]+/gi . test ( a ) ; /\// . x ; /(?<year>\d{4})-\k<year>/u . y ; /[\p{L}--[a-z]]/v . z
a = { 'b' : 1 , 2 : 3 , [ a ] : b , async * c ( ) { } , get d ( ) { return 1 } , set d ( v ) { } , ... e }
var { x , y : { z = 1 } = { } , ... rest } = a , [ , p = 2 , ... q ] = b
label : for ( ; ; ) { if ( a ) continue label ; else break label }
var f = async ( { a } , [ b ] ) => ( { a , b } ) , g = a => b => c , h = async a => { }
new a ; new a ( ) ; new a . b ( c ) ; delete a . b ; a , b
if ( a ) { } else if ( b ) { } else { }
var get = 1 , set = 2 , of = 3 , let_ = 4 , static_ = 5 , async = 6 , from = 7
for ( var of of [ 1 ] ) ; for ( of in { } ) ; for ( let of = 1 ; ; ) break
async ( a ) ; async ( ) . x ; get / set / of
"use strict"
/*! kept */
/** @license kept as well */
