// The bash completion of the admin commands, made from the command table. Any thread; pure.
//
// It completes a function that it defines, because `npm run admin -- …` is npm's to complete.

import type { ArgumentSpec } from './arguments.ts'
import type { Command } from './command.ts'

/** A script for `source <(npm run -s admin -- completion)`. */
export function bashCompletion(table: readonly Command[], general: readonly string[]): string {
  const names = [...table.map(({ name }) => name), 'completion'].join(' ')
  const cases = table.map((each) => `    ${each.name}) words="${words(each)}" ;;`)
  const values = table.flatMap(({ name, arguments: specs }) =>
    specs.flatMap((spec) =>
      spec.choices === undefined || spec.isPositional === true
        ? []
        : [`    "${name} --${spec.name}") words="${spec.choices.join(' ')}" ;;`],
    ),
  )
  return `# bash completion of Moonwheel's admin commands; made by: npm run -s admin -- completion
moonwheel-admin() { npm run -s admin -- "$@"; }
_moonwheel_admin() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names}" -- "$current"))
    return
  fi
  case "$command" in
    help) words="${names}" ;;
${cases.filter((line) => !line.startsWith('    help)')).join('\n')}
  esac
  words="$words ${general.join(' ')}"
  case "$command $before" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _moonwheel_admin moonwheel-admin
`
}

/** What may follow a command: its options, and the choices of what has a place. */
function words({ arguments: specs }: Command): string {
  return specs.flatMap(wordsOf).join(' ')
}

function wordsOf(spec: ArgumentSpec): readonly string[] {
  return spec.isPositional === true ? (spec.choices ?? []) : [`--${spec.name}`]
}
