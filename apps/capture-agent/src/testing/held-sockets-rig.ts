import { BPF, encodeProgram, statement } from '@bpfleet/bpf';
import { openDocument, type Statement, statementKind } from '@bpfleet/contract';
import type { PacketSender, PacketSocket } from '@bpfleet/linux';
import { nodeCrypto } from '@bpfleet/service';
import type { CaptureSocket, DesireAnswer } from '../border/opener-port.js';
import { OpenerRig } from './opener-rig.js';
import type { TestFilter } from './signing-service.js';

export const MiB = 1024 * 1024;

export const accepting = (bytes: number) => encodeProgram([statement(BPF.RET | BPF.K, bytes)]);
export const membersOf = ({ branches }: CaptureSocket) => branches[0]!.members;
export const nameOf = ({ branches }: CaptureSocket) => branches[0]!.interfaces[0]!.name;

/** TCP or UDP from an address and port to 198.51.100.1:9. */
export function packet(source: string, sourcePort: number, protocol = 17): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, protocol]);
  bytes.set([...source.split('.').map(Number), 198, 51, 100, 1], 26);
  new DataView(bytes.buffer).setUint32(34, (sourcePort << 16) | 9);
  return bytes;
}

/** The source ports of what came so far. */
export function ports(reader: PacketSocket): number[] {
  const found: number[] = [];
  for (let block = reader.ring.take(); block !== undefined; block = reader.ring.take()) {
    const view = new DataView(block.bytes.buffer, block.bytes.byteOffset);
    while (block.next()) found.push(view.getUint16(block.start + 34));
    reader.ring.release();
  }
  return found;
}

/** An opener whose sockets the test reads, and the wire to them. Both are closed with it. */
export class HeldSocketsRig extends OpenerRig {
  readonly #readers: PacketSocket[] = [];

  /** @param wire to `eth0` of the host */
  constructor(
    namespacePath: string,
    private readonly wire: PacketSender,
  ) {
    super(namespacePath, { ringBudgetBytes: 16 * MiB });
  }

  desire(...filters: readonly TestFilter[]): Promise<DesireAnswer> {
    return this.opener.desire(this.service.desire(filters));
  }

  /** The newest socket that a filter is on. */
  readerOf(filter: string): PacketSocket {
    const event = this.sockets.findLast(({ socket }) => membersOf(socket).some((member) => member.filter === filter))!;
    const reader = this.read(event);
    // It is closed with the reader.
    this.events.splice(this.events.indexOf(event), 1);
    this.#readers.push(reader);
    return reader;
  }

  /** What sends until as many came as were sent, and no more. */
  async received(reader: PacketSocket, frames: readonly Uint8Array[], count: number): Promise<number[]> {
    const found: number[] = [];
    this.wire.send(frames);
    await this.until('packets', () => found.push(...ports(reader)) >= count);
    return found;
  }

  async signedStatements(): Promise<Statement[]> {
    const { identityPublicKey } = await this.opener.hello(this.service.key.publicKey);
    const { statements } = await this.opener.attest('nonce');
    const verification = { keys: [identityPublicKey], crypto: nodeCrypto };
    return statements.map((envelope) => openDocument(statementKind, envelope, verification));
  }

  override async stop(): Promise<void> {
    for (const reader of this.#readers.splice(0)) reader.close();
    this.wire.close();
    await super.stop();
  }
}
