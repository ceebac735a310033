import { assemble } from '../forms/assemble.js';
import type { Program } from '../instruction.js';
import type { ArgumentTest, Refusal } from './refusals.js';
import { AUDIT_ARCH, type Machine, type SystemCall, systemCallNumber, X32_BIT } from './system-calls.js';

/** `struct seccomp_data`, include/uapi/linux/seccomp.h: byte offsets. Arguments are 64 bits each, the lower half first. */
const DATA = { number: 0, architecture: 4, arguments: 16 } as const;
/** SECCOMP_RET_*: the lower 16 bits of an ERRNO are the error. */
const ANSWER = { ALLOW: 0x7fff_0000, EPERM: 0x0005_0000 | 1, ENOSYS: 0x0005_0000 | 38 } as const;

const ret = (answer: keyof typeof ANSWER) => `ret #${ANSWER[answer]}`;

/**
 * A seccomp program that refuses some system calls and lets all others pass. Calls of another architecture (32 bit, x32) are
 * refused altogether: they have other numbers.
 *
 * Classic BPF for a machine that has only the words of `struct seccomp_data` to load (`seccomp_check_filter`), in the byte
 * order of the host.
 */
export function seccompProgram(machine: Machine, refusals: readonly Refusal[]): Program {
  const always: string[] = [];
  const conditional = new Map<SystemCall, Refusal[]>();
  for (const refusal of refusals) {
    for (const call of refusal.calls) {
      const number = systemCallNumber(call, machine);
      if (number === undefined) continue;
      if (refusal.when === undefined && refusal.answer === undefined) always.push(`jeq #${number}, refuse`);
      else conditional.set(call, [...(conditional.get(call) ?? []), refusal]);
    }
  }
  const lines = [
    `ld [${DATA.architecture}]`,
    `jeq #${AUDIT_ARCH[machine]}, ours`,
    ret('EPERM'),
    `ours: ld [${DATA.number}]`,
    ...(machine === 'x64' ? [`jlt #${X32_BIT}, native`, ret('EPERM'), 'native:'] : []),
    ...[...conditional].flatMap(([call, them]) => oneCall(call, systemCallNumber(call, machine)!, them)),
    ...always,
    ret('ALLOW'),
    `refuse: ${ret('EPERM')}`,
  ];
  return assemble(lines.join('\n'));
}

/** All that is said about one call: it ends here, refused or not. */
function oneCall(call: SystemCall, number: number, refusals: readonly Refusal[]): string[] {
  return [
    `jne #${number}, after_${call}`,
    ...refusals.flatMap(({ when = [], answer = 'EPERM' }, index) => {
      const next = `${call}_${index}`;
      return [...when.flatMap((test, at) => oneTest(test, `${next}_${at}`, next)), ret(answer), `${next}:`];
    }),
    ret('ALLOW'),
    `after_${call}:`,
  ];
}

/** Goes on behind itself when the test holds, to `fails` when not. */
function oneTest({ argument, mask, is, numbers }: ArgumentTest, holds: string, fails: string): string[] {
  const load = [`ld [${DATA.arguments + 8 * argument}]`, ...(mask === undefined ? [] : [`and #${mask}`])];
  if (is === 'none of') return [...load, ...numbers.map((number) => `jeq #${number}, ${fails}`)];
  const last = numbers.length - 1;
  return [
    ...load,
    ...numbers.map((number, index) => (index < last ? `jeq #${number}, ${holds}` : `jne #${number}, ${fails}`)),
    `${holds}:`,
  ];
}
