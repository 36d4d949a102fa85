// The compiling engine held to the engine contract, with both of its back ends.

import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import { describeEngine } from '../engine-contract.ts'

describeEngine('v8', createV8Engine)
describeEngine('v8, generators', (options) => createV8Engine({ ...options, backend: 'generator' }))
