// The route dictionary: codes, version, and its limits on both sides.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RouteDictionary } from '../../../core/gate/route-dictionary.ts'

describe('RouteDictionary', () => {
  it('counts codes from 1 in sorted order, whatever order the routes come in', () => {
    const one = new RouteDictionary(['login.handler.guest', 'chat.handler.send', 'onChat'])
    const two = new RouteDictionary([
      'onChat',
      'login.handler.guest',
      'chat.handler.send',
      'onChat',
    ])
    for (const dictionary of [one, two]) {
      expect(dictionary.codeOf('chat.handler.send')).toBe(1)
      expect(dictionary.codeOf('login.handler.guest')).toBe(2)
      expect(dictionary.codeOf('onChat')).toBe(3)
      expect(dictionary.size).toBe(3)
    }
    expect(two.version).toBe(one.version)
  })

  it('is its own inverse, and its version is the md5 of its JSON', () => {
    const routes = fc.array(fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }))
    fc.assert(
      fc.property(routes, (routes) => {
        const dictionary = new RouteDictionary(routes)
        for (const route of routes) {
          const code = dictionary.codeOf(route)
          expect(code).toBeGreaterThanOrEqual(1)
          expect(dictionary.routeOf(code ?? 0)).toBe(route)
          expect(JSON.parse(dictionary.codeToRouteJson)[String(code)]).toBe(route)
        }
        expect(Object.keys(JSON.parse(dictionary.dictJson))).toHaveLength(dictionary.size)
        const md5 = createHash('md5').update(dictionary.dictJson).digest('base64')
        expect(dictionary.version).toBe(md5)
      }),
    )
  })

  it('has a version that another host can make with JSON and md5 alone', () => {
    const dict = JSON.stringify({ 'a.b.c': 1, 'a.b.d': 2 })
    const version = createHash('md5').update(dict).digest('base64')
    expect(new RouteDictionary(['a.b.d', 'a.b.c']).version).toBe(version)
  })

  it('knows nothing of other codes and routes', () => {
    const dictionary = new RouteDictionary(['a'])
    for (const code of [0, 2, -1, 65536, 1.5, Number.NaN]) {
      expect(dictionary.routeOf(code)).toBeUndefined()
    }
    for (const route of ['', 'b', '__proto__', 'constructor', 'toString']) {
      expect(dictionary.codeOf(route)).toBeUndefined()
    }
    expect(new RouteDictionary([]).size).toBe(0)
  })

  it('takes a route of 255 bytes and refuses one of 0 or 256', () => {
    expect(new RouteDictionary(['月'.repeat(85)]).codeOf('月'.repeat(85))).toBe(1)
    for (const bad of ['', 'x'.repeat(256), '月'.repeat(86)]) {
      expect(() => new RouteDictionary(['a', bad])).toThrow('must be 1 to 255 bytes')
    }
  })

  it('takes 65,535 routes and refuses one more', () => {
    const routes = Array.from({ length: 65535 }, (_, i) => `r${i}`)
    const full = new RouteDictionary(routes)
    expect(full.routeOf(65535)).toBe('r9999')
    expect(() => new RouteDictionary([...routes, 'one-more'])).toThrow('65536 routes')
  })
})
