import fs , { readFile as read } from 'fs'
import * as os from 'os'
import 'path'
import data from './x.json' with { type : 'json' }
export { read , os as default }
export * from 'fs'
export * as all from 'fs'
export const a = 1 , { b , c : [ d ] = [ ] } = { }
export function f ( { x = / y / , ...rest } , [ y ] = [ ] , ...z ) { }
export async function g ( ) { for await ( const x of y ) ; await / x / ; }
export class A extends ( class { } ) {
  static #count = 1
  #x
  y
  'quoted' = 2
  3 = 4
  [ 'computed' + 1 ] = / x /
  get = 1
  static
  async
  in = 2
  set ;
  static get z ( ) { return A . #count / 2 / 1 }
  static set z ( v ) { }
  static async * gen ( ) { yield [ / x / ] }
  async m ( ) { await / x / }
  * n ( ) { yield
    ; / x / }
  get ( ) { }
  set ( ) { }
  static ( ) { }
  async ( ) { }
  if ( ) { } while ( ) { }
  static { this . s = / x / ; }
  #m ( ) { return #x in this }
  constructor ( ) { super ( ) ; new . target ; import . meta }
  field = ( ) => { }
  other = function ( ) { } / 2 / a ; ; last = 1 ;
}
class B extends f { } / x / . test ( a )
class C extends f . g [ h ] ( ) { } ;
class D extends class { } { }
const E = class F extends null { } / 1 / 2
await / x /
const t = await import ( './x.mjs' )
export { }
