import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { agentConflicts } from './commands/agent/conflicts.js';
import { agentDoctor } from './commands/agent/doctor.js';
import { agentGet } from './commands/agent/get.js';
import { agentLedger } from './commands/agent/ledger.js';
import { agentRun } from './commands/agent/run.js';
import { backtest } from './commands/backtest.js';
import { check } from './commands/check.js';
import { compile } from './commands/compile.js';
import { disassemble } from './commands/disassemble.js';
import { explain } from './commands/explain.js';
import { filterApply } from './commands/filter/apply.js';
import { filterDelete } from './commands/filter/delete.js';
import { filterGet } from './commands/filter/get.js';
import { flows } from './commands/flows.js';
import { importFile } from './commands/import.js';
import { ledger } from './commands/ledger.js';
import { match } from './commands/match.js';
import { packets } from './commands/packets.js';
import { quarantineList } from './commands/quarantine/list.js';
import { quarantineRetry } from './commands/quarantine/retry.js';
import { quarantineShow } from './commands/quarantine/show.js';
import { storeStatus } from './commands/store-status.js';
import { timeline } from './commands/timeline.js';
import { top } from './commands/top.js';
import { exitCodeOf, reportError, SaidAlready } from './report-error.js';
import { withServers } from './servers.js';
import { type OutputStream, outputFault, print, type Terminal } from './terminal.js';
import { refuseUnknownVariables } from './unknown-variables.js';

/** As shells report a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

/** Which finds misspelt variables itself, beside all else. */
const isDoctor = ([group, command]: readonly string[]): boolean => group === 'agent' && command === 'doctor';

/**
 * Runs one command line.
 * @param args without node and the script
 * @returns the exit code: 0 done, 1 it failed, 2 what was typed is wrong, 130 interrupted
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  /** What commander prints, which does not wait for it. */
  const printed: Promise<void>[] = [];
  const write = (stream: OutputStream, text: string) => void printed.push(print(stream, text));
  try {
    if (!isDoctor(args)) await refuseUnknownVariables(terminal.env);
    const code = await commandLine(terminal, write)
      .parseAsync(args, { from: 'user' })
      .then(() => 0, usageCodeOf);
    await Promise.all(printed);
    return code;
  } catch (error) {
    if (terminal.signal.aborted) return EXIT_INTERRUPTED;
    if (error instanceof SaidAlready) return error.exitCode;
    const fault = outputFault(error);
    if (fault === 'reader-left') return 0;
    await reportError(fault ?? error, terminal);
    return exitCodeOf(error);
  }
}

/** commander has already printed its help or its complaint. */
function usageCodeOf(error: unknown): number {
  if (!(error instanceof CommanderError)) throw error;
  return error.exitCode === 0 ? 0 : 2;
}

function commandLine(terminal: Terminal, write: (stream: OutputStream, text: string) => void): Command {
  const root = new Command('bpfleet')
    .description('tcpdump for the fleet: push packet filters to hosts, query what they captured.')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => write(terminal.out, text),
      writeErr: (text) => write(terminal.err, text),
      outputError: (text, writeErr) => writeErr(withCode(text)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    // Options after a command belong to that command: `packets --version web@3` is not `--version`.
    .enablePositionalOptions();
  withServers(root);
  const filter = root.command('filter').description('what the hosts capture');
  filterApply(filter, terminal);
  filterGet(filter, terminal);
  filterDelete(filter, terminal);
  const agent = root.command('agent').description('the hosts and what their kernels run');
  agentGet(agent, terminal);
  agentLedger(agent, terminal);
  agentConflicts(agent, terminal);
  agentDoctor(agent, terminal);
  agentRun(agent, terminal);
  packets(root, terminal);
  flows(root, terminal);
  timeline(root, terminal);
  top(root, terminal);
  storeStatus(root.command('store').description('what analytics holds'), terminal);
  ledger(root, terminal);
  backtest(root, terminal);
  importFile(root, terminal);
  const quarantine = root.command('quarantine').description('records that could not be stored');
  quarantineList(quarantine, terminal);
  quarantineShow(quarantine, terminal);
  quarantineRetry(quarantine, terminal);
  compile(root, terminal);
  match(root, terminal);
  explain(root, terminal);
  disassemble(root, terminal);
  check(root, terminal);
  return root;
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** As every other error names its code, behind the first line: others propose what was meant. */
function withCode(complaint: string): string {
  return complaint.replace(/\n|$/, ' (REQUEST_INVALID)$&');
}
