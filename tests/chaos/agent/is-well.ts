/** Nothing is wrong but where this tree stands: the agent's own user may not pass through some folder above it. */
export const isWell = (errors: readonly { readonly code: string }[]): boolean =>
  errors.every(({ code }) => code === 'AGENT_AS_ROOT');
