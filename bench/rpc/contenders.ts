// All that take part in the RPC benchmark. Own processes.

import type { Contender } from './contender.ts'
import { grpc } from './grpc.ts'
import { moonwheel } from './moonwheel.ts'
import { moonwheelLua } from './moonwheel-lua.ts'
import { pomelo } from './pomelo.ts'

export const contenders: readonly Contender[] = [moonwheel, moonwheelLua, grpc, pomelo]
