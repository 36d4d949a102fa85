// The other side of the ring benchmark: a worker that sends back whatever comes, by ring as a lane does
// and by postMessage as most programs do. It ends when its parent terminates it.

import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell, DoorbellButton } from '../../core/thread/doorbell.ts'
import { RingReader, RingWriter } from '../../core/thread/ring.ts'

/** What the benchmark hands over: rings both ways and both bells, or `port` for postMessage. */
export interface EchoData {
  readonly way: 'ring' | 'port'
  readonly there: SharedArrayBuffer
  readonly back: SharedArrayBuffer
  readonly workerBell: SharedArrayBuffer
  readonly coreBell: SharedArrayBuffer
}

const data = workerData as EchoData

if (data.way === 'port') {
  parentPort?.on('message', (payload) => parentPort?.postMessage(payload))
} else {
  const reader = new RingReader(data.there)
  const writer = new RingWriter(data.back)
  const bell = new Doorbell(data.workerBell)
  const button = new DoorbellButton(data.coreBell)
  for (;;) {
    const ticket = bell.ticket()
    const count = reader.drain((kind, a, b, bytes, start, end) => {
      const payload = bytes.subarray(start, end)
      while (!writer.write(kind, a, b, payload)) {
        button.ring()
        writer.waitForRoom(50)
      }
    }, 1024)
    if (count > 0) button.ring()
    else bell.wait(ticket, 50)
  }
}
