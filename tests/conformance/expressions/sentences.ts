import type { Random } from '../random.js';
import type { Coverage } from './coverage.js';
import { type RandomExpression, randomExpression } from './expressions.js';

/** Words of the language, to be put where they may not stand. */
const WORDS = [
  ...['and', 'or', 'not', '!', '(', ')', '(', ')', 'src', 'dst', 'host', 'net', 'port', 'portrange', 'proto', 'ether'],
  ...['ip', 'ip6', 'arp', 'tcp', 'udp', 'icmp6', '10.0.0.1', '10.0.0.0/8', '80', '443', '80-90', '2001:db8::1'],
  ...[
    'fe80::/10',
    '00:11:22:aa:bb:cc',
    'ssh',
    'src or dst',
    'host 10.0.0.1',
    'port 80',
    'tcp port',
    'or 443',
    'mask',
    '/',
  ],
  ...[
    'less 100',
    'greater 60',
    '\\tcp',
    'vlan',
    'vlan 5',
    'mpls',
    'pppoes',
    'geneve',
    'protochain',
    'broadcast',
    'multicast',
  ],
  ...[
    '[',
    ']',
    'tcp[',
    '13',
    ':',
    '2',
    '=',
    '!=',
    '>',
    '<=',
    '+',
    '-',
    '*',
    '&',
    '|',
    '<<',
    'len',
    'tcpflags',
    'tcp-syn',
    'llc',
  ],
  ...[
    'inbound',
    'ifindex',
    'wlan',
    'addr1',
    'type',
    'subtype',
    'mgt',
    'beacon',
    'dir',
    'gateway',
    'lane',
    'vpi',
    'on',
    'rnr',
    'opc',
  ],
];

/** Words in any order, or an expression with a word lost, doubled or replaced. */
export function randomSentence(random: Random, coverage: Coverage): Pick<RandomExpression, 'text' | 'form'> {
  const { text, form } = randomExpression(random, coverage);
  if (random.chance(35)) {
    return { form, text: Array.from({ length: 1 + random.below(9) }, () => random.of(WORDS)).join(' ') };
  }
  const words = text.replace(/[()!]/g, ' $& ').trim().split(/\s+/);
  const at = random.below(words.length);
  words.splice(at, random.below(2), ...random.of([[], [words[at] ?? ''], [random.of(WORDS)]]));
  return { form, text: words.join(' ') };
}
