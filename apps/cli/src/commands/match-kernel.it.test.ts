import { KernelVerdicts } from '@bpfleet/linux';
import { suiteRequires } from '@bpfleet/test-environment/requirements';
import { expect, it } from 'vitest';
import { runCommand } from '../fakes/fake-terminal.js';

const IP = `${'00'.repeat(12)}0800${'45'.padEnd(92, '0')}`;
const ARP = `${'00'.repeat(12)}0806${'00'.repeat(46)}`;

function linux(): { kernel: true } | { unavailable: string } {
  if (process.getuid?.() !== 0) return { unavailable: 'loading eBPF needs root' };
  try {
    KernelVerdicts.open().close();
    return { kernel: true };
  } catch (error) {
    return { unavailable: String(error) };
  }
}

suiteRequires('match --batch in this kernel', { linux: linux() }, () => {
  it.each(['kernel', 'ebpf'])(
    'answers by %s with the return value or the length, whichever is less',
    async (backend) => {
      const packets = [{ data: IP }, { data: ARP }, { data: IP, len: 60 }, { data: IP.slice(0, 26) }, { data: '00' }];
      const requests = [
        { id: 1, expr: 'ip', packets, backend },
        { id: 2, expr: 'ip', snaplen: 40, packets, backend },
        { id: 3, program: [[6, 0, 0, 7]], packets, backend },
        // What the socket cannot show is refused, not guessed.
        { id: 4, expr: 'ip', packets: [{ data: IP, len: 61 }], backend },
        { id: 5, expr: 'ip', packets: [{ data: '' }], backend },
        { id: 6, expr: 'ip', packets: [{ data: IP }], backend },
      ];
      const { out } = await runCommand(['match', '--batch'], {
        input: requests.map((one) => JSON.stringify(one)).join('\n'),
      });
      const answers = out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
      expect(answers).toMatchObject([
        { id: 1, verdicts: [60, 0, 60, 0, 0] },
        { id: 2, verdicts: [40, 0, 40, 0, 0] },
        { id: 3, verdicts: [7, 7, 7, 7, 1] },
        { id: 4, error: { code: 'REQUEST_INVALID' } },
        { id: 5, error: { code: 'REQUEST_INVALID' } },
        { id: 6, verdicts: [60] },
      ]);
    },
  );
});
