import type { Dispatcher } from 'undici';

type Trailers = Readonly<Record<string, string | string[] | undefined>>;
const received = new WeakMap<Response, () => Trailers>();

/**
 * A `fetch` that ends an answer of which nothing came for so long, before its headers or after; 0: waits as long as it takes.
 * What it is made of is loaded with the first call.
 */
export function fetchWithin(silenceMs: number): typeof fetch {
  let loaded: Promise<typeof fetch> | undefined;
  return async (url, init) => {
    loaded ??= load(silenceMs);
    return (await loaded)(url, init);
  };
}

/**
 * Waits for an answer as long as the user does. Node's own `fetch` ends one that has not sent a byte for five minutes, and
 * a scan of much that matches little is silent for longer. A server that is gone is found by TCP's keep-alive probes.
 */
export const patientFetch = fetchWithin(0);

/** What the server sent behind the body, by names in lower case, once the body was read. `fetch` itself throws it away. */
export const trailersOf = (response: Response): Trailers => received.get(response)?.() ?? {};

async function load(silenceMs: number): Promise<typeof fetch> {
  const undici = await import('undici');
  const agent = new undici.Agent({ headersTimeout: silenceMs, bodyTimeout: silenceMs });
  const patiently = async (url: string, init?: object) => {
    let trailers: Trailers = {};
    const dispatcher = agent.compose(
      (dispatch) => (options, handler) =>
        dispatch(
          options,
          withEnd(new undici.DecoratorHandler(handler), (all) => {
            trailers = all;
          }),
        ),
    );
    const response = (await undici.fetch(url, { ...init, dispatcher })) as unknown as Response;
    received.set(response, () => trailers);
    return response;
  };
  // Node's is the same code, of another version.
  return patiently as unknown as typeof fetch;
}

/** The same handler, which tells what stood behind the body. */
function withEnd(handler: Dispatcher.DispatchHandler, heard: (trailers: Trailers) => void) {
  const ended = handler.onResponseEnd?.bind(handler);
  handler.onResponseEnd = (controller, trailers) => {
    heard(trailers);
    ended?.(controller, trailers);
  };
  return handler;
}
