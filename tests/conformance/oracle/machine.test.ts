import { Ancillary, BPF, SKF_AD_OFF, statement } from '@bpfleet/bpf';
import { expect, it } from 'vitest';
import { whole } from '../packets/packets.js';
import { run } from './machine.js';

it.each([0, 0x3c00])('compares nothing that libpcap reads %i bytes behind metadata', (moved) => {
  const program = [
    statement(BPF.LDX | BPF.IMM, moved),
    statement(BPF.LD | BPF.W | BPF.IND, SKF_AD_OFF + Ancillary.PKTTYPE),
    statement(BPF.RET | BPF.A, 0),
  ];
  expect(run(program, whole(new Uint8Array(4)))).toEqual({ value: 0, ending: 'wild' });
});
