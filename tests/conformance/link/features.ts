import { BPF, type Instruction } from '@bpfleet/bpf';
import type { LinkMember } from '@bpfleet/pcap-filter';

/** What a linker has to write otherwise, and what tells it in a member's program. */
const FEATURES: readonly (readonly [string, (instruction: Instruction) => boolean])[] = [
  ['[x + k]', ({ code }) => (code & 0xe7) === (BPF.LD | BPF.IND)],
  ['div x or mod x', ({ code }) => code === (BPF.ALU | BPF.DIV | BPF.X) || code === (BPF.ALU | BPF.MOD | BPF.X)],
  ['ret a', ({ code }) => code === (BPF.RET | BPF.A)],
  ['M[]', ({ code }) => code === (BPF.LD | BPF.MEM) || code === (BPF.LDX | BPF.MEM)],
  ['ldx msh', ({ code }) => code === (BPF.LDX | BPF.B | BPF.MSH)],
];

/** How many members have each feature, zeros included. */
export class FeatureCount {
  readonly #members = new Map(FEATURES.map(([name]) => [name, 0]));

  add(members: readonly LinkMember[]): void {
    for (const [name, has] of FEATURES) {
      const having = members.filter(({ program }) => program.some(has)).length;
      this.#members.set(name, (this.#members.get(name) ?? 0) + having);
    }
  }

  toString(): string {
    return [...this.#members].map(([name, count]) => `${name} in ${count}`).join(', ');
  }
}
