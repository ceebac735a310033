import { BpfleetError } from '@bpfleet/errors';

const own = ['BPFLEET_SERVER', 'BPFLEET_ANALYTICS_SERVER'];

/**
 * Refuses a misspelt variable: the command would ask another server than was meant. The list of what bpfleet's other
 * programs read is loaded only when there is something to look up.
 * @throws BpfleetError `CONFIG_INVALID`
 */
export async function refuseUnknownVariables(environment: NodeJS.ProcessEnv): Promise<void> {
  const others = Object.keys(environment).filter((name) => name.startsWith('BPFLEET_') && !own.includes(name));
  if (others.length === 0) return;
  const { bpfleetVariables, nearest } = await import('@bpfleet/service');
  const unknown = others.find((name) => !name.startsWith('BPFLEET_TEST_') && !bpfleetVariables.includes(name));
  if (unknown === undefined) return;
  const meant = nearest(unknown, bpfleetVariables);
  throw new BpfleetError('CONFIG_INVALID', `${unknown}: nothing reads this variable`, {
    hint: meant ? `did you mean ${meant}?` : 'unset it',
  });
}
