import type { Command } from 'commander';

/** With --batch each request says how it is to be read, so anything else on the command line would be ignored. */
export function refuseBesideBatch(command: Command, words: readonly string[]): void {
  if (words.length > 0) command.error('error: with --batch the expressions come on standard input');
  const said = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
  const others = said.flatMap((option) => (option.attributeName() === 'batch' ? [] : [option.long ?? option.flags]));
  if (others.length > 0) command.error(`error: with --batch each request says this for itself: ${others.join(', ')}`);
}
