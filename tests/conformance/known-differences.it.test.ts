import { compile } from '@bpfleet/pcap-filter';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { differenceOn } from './comparison.js';
import { knownDifferences } from './known-differences.js';
import { linkFormNamed } from './link-types.js';
import { installedLibpcap } from './oracle/oracle.js';
import { whole } from './packets/packets.js';

const NO_TAG = {
  ...{ protocol: 0x0800, packetType: 0, interfaceIndex: 1 },
  ...{ vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 },
};

suiteRequires('known differences from libpcap', { libpcap: installedLibpcap() }, ({ libpcap: { libpcap } }) => {
  it.each(knownDifferences)('are still there: $name', ({ name, example, isRepaired }) => {
    const form = linkFormNamed(example.form);
    const bytes = example.packet === undefined ? undefined : Uint8Array.from(Buffer.from(example.packet, 'hex'));
    const packet = bytes && whole(bytes, form.live ? { ...NO_TAG, ...example.metadata } : undefined);
    const found = differenceOn(libpcap, compile, example.expression, form, packet);
    if (!isRepaired) return expect(found?.known).toBe(name);
    // Not in what is compared, but in what the installed libpcap makes of it.
    expect(found).toBeUndefined();
    expect(differenceOn(libpcap, compile, example.expression, form, packet, (program) => program)).toBeDefined();
  });
});
