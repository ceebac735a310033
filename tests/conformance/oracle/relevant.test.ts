import { BPF, type Instruction, jump, type Program, statement } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { whole } from '../packets/packets.js';
import { answerWithoutMissing } from './left-out.js';
import { run } from './machine.js';
import { isPossible } from './possible.js';
import { type Asked, Relevant } from './relevant.js';

/** Forgets nothing: what `Relevant` spares. */
class Everything extends Relevant {
  override isKept(): boolean {
    return true;
  }
  override after(known: Parameters<Relevant['after']>[0], { bits, answered }: Asked) {
    return isPossible([...known, answered], bits) ? [...known, answered] : known;
  }
}

const PACKET = whole(Uint8Array.of(0, 1, 2, 3));
/** Of the bytes behind the packet these are asked for, and numbers near to these. */
const [FIRST, BYTES, LARGEST] = [6, 3, 7] as const;

const question = fc.record({
  at: fc.oneof(
    { weight: 8, arbitrary: fc.nat(BYTES - 1).map((one) => FIRST + one) },
    { weight: 1, arbitrary: fc.constant(1) },
  ),
  mask: fc.option(fc.nat(LARGEST)),
  test: fc.constantFrom(BPF.JEQ, BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET),
  number: fc.oneof({ weight: 20, arbitrary: fc.nat(LARGEST) }, { weight: 1, arbitrary: fc.constant(0x100) }),
  skips: fc.tuple(fc.nat(9), fc.nat(9)),
});

/** Questions that jump to a later one or to an end, where one of two answers is rarer than the other. */
const program: fc.Arbitrary<Program> = fc
  .tuple(fc.array(question, { minLength: 1, maxLength: 12 }), fc.nat(11))
  .map(([questions, rejectedFrom]) => {
    // Each is load, mask, jump; behind the last the ends.
    const size = 3 * questions.length;
    return [
      ...questions.flatMap(({ at, mask, test, number, skips }, index): Instruction[] => {
        const [jt, jf] = skips.map((skip) => {
          const to = index + 1 + skip;
          const end = skip >= rejectedFrom ? size + 1 : size;
          return (to < questions.length ? 3 * to : end) - (3 * index + 3);
        }) as [number, number];
        const load = statement(BPF.LD | BPF.B | BPF.ABS, at);
        return [load, statement(BPF.ALU | BPF.AND, mask ?? 0xff), jump(BPF.JMP | test, number, jt, jf)];
      }),
      statement(BPF.RET, 1),
      statement(BPF.RET, 0),
    ];
  });
const theirs = (plain: Program) => ({ plain, optimised: plain });

describe('answers that are kept', () => {
  it('are enough to end as with all of them', () => {
    fc.assert(
      fc.property(program, (plain) => {
        expect(answerWithoutMissing(theirs(plain), PACKET)).toBe(
          answerWithoutMissing(theirs(plain), PACKET, new Everything()),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('prove nothing that a longer packet refutes', () => {
    const anyByte = fc.oneof(fc.nat(LARGEST + 1), fc.nat(255));
    fc.assert(
      fc.property(
        program,
        fc.array(fc.array(anyByte, { minLength: 5, maxLength: 5 }), { minLength: 20, maxLength: 20 }),
        (plain, ends) => {
          const proof = answerWithoutMissing(theirs(plain), PACKET);
          if (proof === 'unproven') return;
          for (const end of ends)
            expect(run(plain, whole(Uint8Array.from([...PACKET.bytes, ...end]))).value).toBe(proof);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
