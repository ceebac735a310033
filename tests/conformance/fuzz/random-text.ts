import { type Coverage } from '../expressions/coverage.js';
import { newCoverage, randomExpression } from '../expressions/expressions.js';
import type { Random } from '../random.js';

/** Words and signs of the language, near misses of them, and values at the edges of what is one. */
const TOKENS: readonly string[] = `
  and or not && || ! ( ) ( ) [ ] { } , @ = == != < > <= >= + - * / % & | ^ << >> : :2 :4 :3
  src dst host net mask port portrange proto protochain gateway ra ta addr1 address4
  ether link wlan arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp atalk aarp decnet lat sca
  moprc mopdl iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui
  type subtype dir mgt ctl data beacon tods fromds less greater byte broadcast multicast len length
  inbound outbound ifindex vlan mpls pppoed pppoes geneve vxlan llc s rnr i
  ifname on rset action vpi vci fisu opc lane oam
  tcpflags tcp-syn icmptype icmp-echo icmp6type icmp6-echo
  in in { } @list @ in {80} {10.0.0.1,10.0.0.0/8} 10,20-30 , 4094-4095
  0 1 6 17 58 80 255 256 443 1500 1501 4095 4096 65535 65536 4294967295 4294967296 0x0 0xffffffff 0x 08 010 1e9 -1
  00112233445566 001122334455 00:11:22:33:44:55 0:1:2:3:4:5 00-11-22-33-44-55 0011.2233.4455
  10 10.1 10.1.2 10.0.0.1 10.0.0.256 1.2.3.4.5 255.255.255.255 0.0.0.0 /0 /8 /24 /31 /32 /33 /128 /129
  :: ::1 2001:db8:: fe80::1%eth0 ::ffff:1.2.3.4 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:8:9 ::1::2
  http ssh domain nosuchname db-1 a.b.c \\\\tcp \\\\ip \\\\ $1 $ff $fff 80-90 90-80 http-ssh - _ . "
`
  .trim()
  .split(/\s+/)
  .map((token) => token.replaceAll('\\\\', '\\'));

const CHARACTERS =
  ' \t\n\r()[]{}<>=!&|+-*/%^:;,.@$\\"\'`~?#_0123456789abcdefABCDEFxyzÄß€\u{0}\u{7f}\u{85}\u{2028}\u{feff}\u{1f600}\ud800\udfff';

export type TextKind = 'characters' | 'code units' | 'tokens' | 'mutated' | 'valid';
export const textKinds: readonly TextKind[] = ['characters', 'code units', 'tokens', 'mutated', 'mutated', 'valid'];

/** Texts that a compiler may be given, most of them nearly expressions. */
export class RandomTexts {
  readonly #coverage: Coverage = newCoverage();

  constructor(private readonly random: Random) {}

  write(kind: TextKind): string {
    const { random } = this;
    switch (kind) {
      case 'characters':
        return this.#join(random.below(40), '', () => random.of([...CHARACTERS]));
      case 'code units':
        return this.#join(random.below(40), '', () => String.fromCharCode(random.below(random.of([128, 256, 65_536]))));
      case 'tokens':
        return this.#join(1 + random.below(14), random.of([' ', ' ', ' ', '']), () => random.of(TOKENS));
      case 'mutated': {
        let text = this.#valid();
        for (let times = 1 + random.below(4); times > 0; times--) text = this.#mutate(text);
        return text;
      }
      case 'valid':
        return this.#valid();
    }
  }

  #valid(): string {
    return randomExpression(this.random, this.#coverage).text;
  }

  #join(count: number, between: string, one: () => string): string {
    return Array.from({ length: count }, one).join(between);
  }

  /** One change, by words or by characters. */
  #mutate(text: string): string {
    const { random } = this;
    const byWords = random.chance(70);
    const parts = byWords ? (text.match(/\s+|[\w.:-]+|[^\w\s]/g) ?? []) : text.split('');
    const at = random.below(parts.length + 1);
    const length = 1 + random.below(random.of([1, 3, parts.length + 1]));
    const found = parts.slice(at, at + length);
    const inserted = byWords ? ` ${random.of(TOKENS)} ` : random.of([...CHARACTERS]);
    switch (random.below(7)) {
      case 0:
        return parts.toSpliced(at, length).join('');
      case 1:
        return parts.toSpliced(at, 0, inserted).join('');
      case 2:
        return parts.toSpliced(at, length, inserted).join('');
      case 3:
        // Again, some times over.
        return parts.toSpliced(at, 0, found.join('').repeat(random.of([1, 2, 30]))).join('');
      case 4:
        return parts
          .toSpliced(at, length)
          .toSpliced(random.below(parts.length + 1), 0, ...found)
          .join('');
      case 5:
        return parts.toSpliced(at, length, ...found.toReversed()).join('');
      default:
        // Spliced with another expression.
        return `${parts.slice(0, at).join('')}${this.#valid().slice(random.below(20))}`;
    }
  }
}
