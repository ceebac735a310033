import { type DsseEnvelope, type Signer, type Statement, sealDocument, statementKind } from '@bpfleet/contract';
import type { Attachment } from './attachment.js';

/** What a statement is about. */
interface Attested {
  readonly attachment: Attachment;
  readonly wish: { readonly interface: { readonly name: string } };
}

/** What each socket runs, signed by the identity key, with all that the linker was given. */
export function statementsOf(
  sockets: readonly Attested[],
  about: Pick<Statement, 'agent' | 'epoch' | 'generation' | 'nonce'>,
  key: Signer,
): DsseEnvelope[] {
  const at = new Date().toISOString();
  return sockets.map(({ attachment, wish }) => {
    const { context, members, target, hash } = attachment.program;
    const statement: Statement = {
      ...about,
      interface: wish.interface.name,
      linkerVersion: context.linkerVersion,
      linkType: context.linkType,
      target,
      members: [...members],
      excluded: context.excluded.map(({ address, port }) => ({ address, port })),
      hash,
      evidence: attachment.evidence(),
      nonce: about.nonce,
      at,
    };
    return sealDocument(statementKind, statement, [key]);
  });
}
