import { type DsseEnvelope, type Signer, type Statement, sealDocument, statementKind } from '@bpfleet/contract';
import type { Attachment } from './attachment.js';
import type { LinkedBranch } from './kernel-program.js';
import type { SocketWish } from './socket-wish.js';

/** What a statement is about. */
interface Attested {
  readonly attachment: Attachment;
  readonly wish: Pick<SocketWish, 'branches'>;
}

/** What each socket runs, signed by the identity key, with all that the linker was given. */
export function statementsOf(
  sockets: readonly Attested[],
  about: Pick<Statement, 'agent' | 'epoch' | 'generation' | 'nonce'>,
  key: Signer,
): DsseEnvelope[] {
  const at = new Date().toISOString();
  return sockets.map(({ attachment, wish }) => {
    const { context, members, target, hash, branches } = attachment.program;
    const statement: Statement = {
      ...about,
      interface: branches ? '*' : wish.branches[0]!.interfaces[0]!.name,
      linkerVersion: context.linkerVersion,
      linkType: context.linkType,
      target,
      members: [...members],
      ...(branches ? { branches: branches.map((branch) => stated(branch, members)) } : {}),
      excluded: context.excluded.map(({ address, port }) => ({ address, port })),
      hash,
      evidence: attachment.evidence(),
      nonce: about.nonce,
      at,
    };
    return sealDocument(statementKind, statement, [key]);
  });
}

/** Members by their places: on many interfaces their names would be too long. */
const stated = ({ interfaces, linkType, members }: LinkedBranch, all: readonly string[]) => ({
  interfaces: interfaces.map(({ name, index, isLoopback }) => ({ name, index, ...(isLoopback ? { isLoopback } : {}) })),
  linkType,
  members: members.map((digest) => all.indexOf(digest)),
});
