import { BpfleetError } from '@bpfleet/errors';

export const agentNotFound = (id: string): BpfleetError =>
  new BpfleetError('NOT_FOUND', `there is no agent ${id}`, {
    hint: 'an agent is known once it has enrolled',
  });
