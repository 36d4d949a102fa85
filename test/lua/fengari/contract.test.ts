// The fengari engine keeps the contract of core/lua/engine.ts; what is its own is in the other files.

import { createFengariEngine } from '../../../core/lua/fengari/engine.ts'
import { describeEngine } from '../engine-contract.ts'

describeEngine('fengari', createFengariEngine)
