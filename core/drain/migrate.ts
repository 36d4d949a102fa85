// Brings a connected database to config/schema: looks, plans, and does it when nothing is refused.
//
// The drain process and tools. Whoever calls prints the plan; nothing here is silent about what it does.

import { HostError } from '../base/errors.ts'
import type { DatabaseTable } from '../config/types.ts'
import { type MigrationPlan, planMigration } from './migration.ts'
import type { Target } from './target.ts'

/** The plan for a database as it is now. */
export async function lookAndPlan(
  target: Target,
  schema: readonly DatabaseTable[],
): Promise<MigrationPlan> {
  const existing = await target.describe(schema.map(({ name }) => name))
  return planMigration(schema, existing, target.ddl)
}

/** Carries a plan out. @throws HostError CONFIG with every refusal: then nothing was done */
export async function carryOut(target: Target, plan: MigrationPlan): Promise<void> {
  if (plan.refusals.length > 0) {
    const head = 'the database does not fit config/schema, and changing it would lose data:'
    throw new HostError('CONFIG', [head, ...plan.refusals].join('\n'))
  }
  if (plan.steps.length > 0) await target.migrate(plan.steps.map(({ sql }) => sql))
}
