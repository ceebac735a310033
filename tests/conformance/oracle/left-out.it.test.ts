import { expect, it } from 'vitest';
import { suiteRequires } from '../../environment/src/requirements.js';
import { linkForms } from '../link-types.js';
import { answerWithoutMissing } from './left-out.js';
import { askLibpcap, installedLibpcap } from './oracle.js';

/** One byte, of PPP: all loads but that of the first byte are missing. */
const packet = { bytes: Uint8Array.of(0), start: 0, capturedLength: 1, wireLength: 1 };

suiteRequires("what libpcap's programs answer without loads", { libpcap: installedLibpcap() }, ({ libpcap }) => {
  it.each([
    ['where one term is the opposite of another', '! stp or dst 192.168.1.1 or stp'],
    [
      'where more ways lead through what stands between them than are followed',
      '( ip6 proto 132 and l1 || ! stp or ! dst or src host 192.168.1 ) || ip multicast or ( ip6 multicast or protochain 1 ' +
        '&& iih or ( src or dst host ( 2001:db8:4978::3359 and 2001:db8:8754::b764 ) && ether proto 65535 ) ) or sca || stp',
    ],
  ])('%s', (_, expression) => {
    const form = linkForms.find(({ name }) => name === 'PPP live')!;
    const theirs = askLibpcap(libpcap.libpcap, expression, form);
    if ('refusal' in theirs) throw new Error(theirs.refusal);
    expect(answerWithoutMissing(theirs, packet)).toBe(262_144);
  });
});
