// The SQL that a database speaks. MariaDB counts as mysql. Any thread; data.

export const dialects = ['sqlite', 'mysql', 'postgres'] as const
export type Dialect = (typeof dialects)[number]
