import { run } from './run.js';

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());
process.once('SIGTERM', () => interrupt.abort());
// `bpfleet packets | head` closes the pipe early: that is the reader's choice, not a failure. What else goes wrong with
// the output, `run` is told by whatever it prints, and says so; with the errors, nobody could be told.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
});
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

// Not process.exit(): what was printed into a pipe must still leave it.
process.exitCode = await run(process.argv.slice(2), {
  input: process.stdin,
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  now: Date.now,
  signal: interrupt.signal,
});
