import { interpret, type Packet, type Program } from '@bpfleet/bpf';

/** The ways from one instruction to another that the packets take, as `from * 4096 + to`. */
export function takenEdges(program: Program, packets: Iterable<Packet>): Set<number> {
  const edges = new Set<number>();
  let before = 0;
  const watched = new Proxy(program, {
    get(target, name) {
      const at = Number(name);
      edges.add(before * 4096 + at);
      before = at;
      return target[at];
    },
  });
  for (const packet of packets) {
    before = 0;
    interpret(watched, packet);
  }
  return edges;
}
