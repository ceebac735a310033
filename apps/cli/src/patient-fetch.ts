let patient: Promise<typeof fetch> | undefined;

/**
 * Waits for an answer as long as the user does. Node's own `fetch` ends one that has not sent a byte for five minutes, and
 * a scan of much that matches little is silent for longer. A server that is gone is found by TCP's keep-alive probes.
 */
export const patientFetch: typeof fetch = async (url, init) => {
  patient ??= load();
  return (await patient)(url, init);
};

async function load(): Promise<typeof fetch> {
  const undici = await import('undici');
  const dispatcher = new undici.Agent({ headersTimeout: 0, bodyTimeout: 0 });
  // Node's is the same code, of another version.
  return ((url: string, init?: object) => undici.fetch(url, { ...init, dispatcher })) as unknown as typeof fetch;
}
