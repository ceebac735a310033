import { BpfleetError } from '@bpfleet/errors';

/** Express' content negotiation. */
export interface NegotiatingRequest {
  accepts(types: readonly string[]): string | false;
}

/**
 * The media type that the receiver likes best.
 * @throws BpfleetError `REQUEST_INVALID` when it accepts none of them
 */
export function acceptedType<Type extends string>(request: NegotiatingRequest, offered: readonly Type[]): Type {
  const accepted = request.accepts(offered);
  if (accepted !== false) return accepted as Type;
  throw new BpfleetError('REQUEST_INVALID', 'no answer in a form that the Accept header names', {
    hint: `accept one of ${offered.join(', ')}`,
  });
}
