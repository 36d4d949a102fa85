// A thread that stands by: what it does with what it is told, and its end in every state.
import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { type Standby, startStandby } from '../../core/thread/standby.ts'
import { startWorker } from '../../core/thread/worker.ts'

const file = '../test/fixtures/standby-thread.mjs'
const open: { terminate(): Promise<void> }[] = []

async function standby(): Promise<Standby> {
  const thread = await startStandby({ name: 'standby', file })
  open.push(thread)
  return thread
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.terminate()))
})

describe('a thread that stands by', () => {
  it('does what it is told, under the name that it gets, with ports handed over', async () => {
    const thread = await standby()
    const { port1, port2 } = new MessageChannel()
    const heard = new Promise((resolve) => {
      port1.once('message', resolve)
    })
    const running = await thread.start<{ doubled: number }>({
      name: 'doubler',
      data: { double: 21, port: port2 },
      transfer: [port2],
    })
    expect(running).toMatchObject({ name: 'doubler', ready: { doubled: 42 } })
    expect(await heard).toBe('hello')
    port1.close()
  })

  it('does the same as one that is started at once', async () => {
    const running = await startWorker<{ doubled: number }>({
      name: 'doubler',
      file,
      data: { double: 4 },
    })
    open.push(running)
    expect(running.ready).toEqual({ doubled: 8 })
  })

  it('gives its own words when it refuses', async () => {
    const thread = await standby()
    const refused = thread.start({ name: 'doubler', data: { double: 'x' } })
    await expect(refused).rejects.toMatchObject({ code: 'SCRIPT', message: 'x is no number' })
  })

  it('tells of its death after it was started', async () => {
    const thread = await standby()
    const died = thread.start({ name: 'doubler', data: { double: 0, die: true } })
    await expect(died).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('doubler died while starting'),
    })
  })

  it('is ended in its sleep', async () => {
    const thread = await standby()
    await thread.terminate()
    expect(await thread.exited).toMatchObject({ code: 1 })
  })
})
