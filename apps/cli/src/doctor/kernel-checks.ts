import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { BPF, encodeEbpf, encodeProgram, statement, translateToEbpf, withDescriptors } from '@bpfleet/bpf';
import { type Finding, no, ok, reasonOf, warning } from '@bpfleet/contract/doctor';
import { canCapture, interfaces, LoadedFilter, PacketSocket, platform } from '@bpfleet/linux';

/** What the kernel's default is since it charges eBPF for the converted program: enough for 50 linked filters. */
const ENOUGH_OPTMEM_BYTES = 131_072;
/** 128 sockets with their rings, segments, brokers, and as much again. */
const ENOUGH_DESCRIPTORS = 1024;
const REJECT_ALL = [statement(BPF.RET | BPF.K, 0)];

/** What this kernel can do for an agent, found by trying. */
export function kernelChecks(): Finding[] {
  const supported = platform();
  if (!supported.ok) return [no('platform', supported.reason, 'run agents on 64-bit Linux')];
  return [
    ok('platform', `Linux ${release()} on ${process.arch}`),
    packetSocket(),
    ring(),
    ebpf(),
    optmem(),
    descriptors(),
  ];
}

function packetSocket(): Finding {
  const probe = canCapture();
  if (probe.ok) return ok('packet socket', 'may be opened');
  return no('packet socket', probe.reason, 'start as root, or give CAP_NET_RAW; without it agents only replay files');
}

function ring(): Finding {
  const name = 'ring';
  const loopback = interfaces().find(({ isLoopback }) => isLoopback);
  if (!loopback || !canCapture().ok) return warning(name, 'not tried: no packet socket', 'see above');
  try {
    const socket = PacketSocket.open({ interfaceIndex: loopback.index, blockCount: 4, blockTimeoutMs: 50 });
    socket.attach(encodeProgram(REJECT_ALL));
    const isSame = socket.readBack().length === encodeProgram(REJECT_ALL).length;
    socket.close();
    return isSame
      ? ok(name, 'TPACKET_V3, and programs can be read back')
      : no(name, 'the kernel gives back another program than was attached', 'agents could not attest what runs');
  } catch (error) {
    return no(name, reasonOf(error), 'TPACKET_V3 needs Linux 3.2 and locked memory for the ring');
  }
}

function ebpf(): Finding {
  const name = 'eBPF';
  try {
    const { program, maps } = translateToEbpf(REJECT_ALL);
    LoadedFilter.load({ maps, encode: (fds) => encodeEbpf(withDescriptors(program, fds)) }).close();
    return ok(name, 'socket filters load');
  } catch (error) {
    return warning(name, reasonOf(error), 'filters too large for classic BPF are refused; give CAP_BPF to run them');
  }
}

function optmem(): Finding {
  const name = 'net.core.optmem_max';
  const value = numberIn('/proc/sys/net/core/optmem_max');
  if (value === undefined) return warning(name, 'cannot be read', 'it limits how large a program may be');
  if (value >= ENOUGH_OPTMEM_BYTES) return ok(name, `${value} bytes`);
  const advice = `sysctl -w net.core.optmem_max=${ENOUGH_OPTMEM_BYTES}; agents never change it`;
  return warning(name, `${value} bytes: programs with many loads do not fit`, advice);
}

/** proc_pid_limits(5). Node raises the soft limit to the hard one, here as in the agent. */
export function descriptors(limits = readFileSync('/proc/self/limits', 'utf8')): Finding {
  const name = 'RLIMIT_NOFILE';
  const [, limit] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  if (limit === undefined)
    return warning(name, 'cannot be read', 'it limits how many files and connections there may be');
  if (limit === 'unlimited' || Number(limit) >= ENOUGH_DESCRIPTORS) return ok(name, `${limit} descriptors`);
  const advice = `give the agent ${ENOUGH_DESCRIPTORS}: LimitNOFILE= of its unit, or ulimit -n`;
  return warning(name, `${limit} descriptors: rings, files and connections may not fit`, advice);
}

function numberIn(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8').trim());
  } catch {
    // Not there: the check says so.
    return undefined;
  }
}
