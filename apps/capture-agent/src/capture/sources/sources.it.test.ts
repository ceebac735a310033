import { canUseCap, type Probe } from '@bpfleet/linux';
import { canMakeHosts } from '@bpfleet/test-environment';
import { type Requirement, suiteRequires } from '@bpfleet/test-environment/requirements';
import { sourceContract } from './contract-tests/source-contract.js';

const need = (found: Probe): Requirement => (found.ok ? {} : { unavailable: found.reason });
const hosts = need(await canMakeHosts());
const none = { kernelProgram: false, nanosecondTime: false, direction: false, kernelCounters: false };

suiteRequires('the source ring', { hosts }, () =>
  sourceContract('ring', {
    ...{ kernelProgram: true, nanosecondTime: true, direction: true, kernelCounters: true, vlanMetadata: true },
  }),
);
suiteRequires('the source file', { hosts }, () =>
  sourceContract('file', { ...none, nanosecondTime: true, vlanMetadata: true }),
);
suiteRequires('the source cap', { hosts, cap: need(canUseCap()) }, () =>
  sourceContract('cap', { ...none, vlanMetadata: true }),
);
