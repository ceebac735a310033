import type { PacketNode } from '@bpfleet/contract';
import { printable } from '../terminal.js';

const TITLES = '   AT   BYTES  LAYERS AND FIELDS';
const INDENT = '  ';

/** One line per layer and field, inner ones indented, behind its place in the packet's bytes. */
export function layerLines(layers: readonly PacketNode[]): string {
  return [TITLES, ...linesOf(layers, '')].map((line) => `${line}\n`).join('');
}

function* linesOf(nodes: readonly PacketNode[], indent: string): Generator<string, void, void> {
  for (const { offset, lengthBytes, text, children } of nodes) {
    yield `${String(offset).padStart(5)}  ${String(lengthBytes).padStart(6)}  ${indent}${printable(text)}`;
    yield* linesOf(children ?? [], indent + INDENT);
  }
}
