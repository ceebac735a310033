import type { Command } from 'commander';

/**
 * With --batch each request says how it is to be read, so anything else on the command line would be ignored.
 * @param allowed options that hold for the requests that do not say it for themselves
 */
export function refuseBesideBatch(command: Command, words: readonly string[], allowed: readonly string[] = []): void {
  if (words.length > 0) command.error('error: with --batch the expressions come on standard input');
  const said = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
  const others = said.flatMap((option) =>
    ['batch', ...allowed].includes(option.attributeName()) ? [] : [option.long ?? option.flags],
  );
  if (others.length > 0) command.error(`error: with --batch each request says this for itself: ${others.join(', ')}`);
}
