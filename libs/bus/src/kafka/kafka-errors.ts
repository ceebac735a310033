/** The broker's name for an error, by which kafkajs's own errors, wrapped in each other, are told apart. */
export function brokerErrorOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('type' in at && typeof at.type === 'string') return at.type;
  }
  return undefined;
}
