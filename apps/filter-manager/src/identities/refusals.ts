import { BpfleetError } from '@bpfleet/errors';

export const agentHasAnotherKey = (agent: string): BpfleetError =>
  new BpfleetError('IDENTITY_CONFLICT', `agent ${agent} is enrolled with another key`, {
    hint: 'two hosts with one agent id? give this one another (BPFLEET_AGENT_ID), or the state folder it had before',
  });

export const keyHasAnotherAgent = (agent: string, owner: string): BpfleetError =>
  new BpfleetError('IDENTITY_CONFLICT', `the key of agent ${agent} is that of agent ${owner}`, {
    hint: 'its state folder is a copy: empty it, so that it makes a key of its own',
  });

export const keyIsRevoked = (agent: string): BpfleetError =>
  new BpfleetError('ENROLMENT_REFUSED', `the key of agent ${agent} was revoked`, {
    hint: 'empty its state folder and give it another id (BPFLEET_AGENT_ID)',
  });
