/** The broker's name for an error, by which kafkajs's own errors, wrapped in each other, are told apart. */
export function brokerErrorOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = innerOf(at)) {
    if ('type' in at && typeof at.type === 'string') return at.type;
  }
  return undefined;
}

/** Requests about several topics fail with a list of errors, of which the first says enough. */
function innerOf(error: Error): unknown {
  return 'errors' in error && Array.isArray(error.errors) ? error.errors[0] : error.cause;
}
