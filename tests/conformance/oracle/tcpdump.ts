import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Program, parseProgram } from '@bpfleet/bpf';

const run = promisify(execFile);

/** The installed libpcap, asked through tcpdump without a device: needs no rights and sees no packet. */
export interface Libpcap {
  readonly version: string;
}

export async function installedLibpcap(): Promise<Libpcap | { unavailable: string }> {
  try {
    const { stdout, stderr } = await run('tcpdump', ['--version']);
    return { version: /libpcap version \S+/.exec(stdout + stderr)?.[0] ?? 'libpcap of unknown version' };
  } catch {
    return { unavailable: 'tcpdump is not installed' };
  }
}

export interface TcpdumpOptions {
  readonly format: 'd' | 'dd' | 'ddd';
  readonly optimize?: boolean;
}

/** What tcpdump prints for the expression, or its complaint. */
export async function tcpdump(
  expression: string,
  { format, optimize = true }: TcpdumpOptions,
): Promise<{ text: string } | { refusal: string }> {
  const args = ['-y', 'EN10MB', `-${format}`, ...(optimize ? [] : ['-O']), '--', expression];
  try {
    const { stdout } = await run('tcpdump', args, { maxBuffer: 16 << 20 });
    return { text: stdout };
  } catch (error) {
    return { refusal: String((error as { stderr?: string }).stderr ?? error).trim() };
  }
}

export async function libpcapProgram(
  expression: string,
  optimize: boolean,
): Promise<{ program: Program } | { refusal: string }> {
  const printed = await tcpdump(expression, { format: 'ddd', optimize });
  return 'refusal' in printed ? printed : { program: parseProgram(printed.text) };
}

/** Applies `work` to each item, so many at a time; answers come in order. */
export async function inParallel<Item, Answer>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) answers[index] = await work(items[index] as Item);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return answers;
}
