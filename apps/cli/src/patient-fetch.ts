import type { Dispatcher } from 'undici';

type Trailers = Readonly<Record<string, string | string[] | undefined>>;
const received = new WeakMap<Response, () => Trailers>();

let patient: Promise<typeof fetch> | undefined;

/**
 * Waits for an answer as long as the user does. Node's own `fetch` ends one that has not sent a byte for five minutes, and
 * a scan of much that matches little is silent for longer. A server that is gone is found by TCP's keep-alive probes.
 */
export const patientFetch: typeof fetch = async (url, init) => {
  patient ??= load();
  return (await patient)(url, init);
};

/** What the server sent behind the body, by names in lower case, once the body was read. `fetch` itself throws it away. */
export const trailersOf = (response: Response): Trailers => received.get(response)?.() ?? {};

async function load(): Promise<typeof fetch> {
  const undici = await import('undici');
  const agent = new undici.Agent({ headersTimeout: 0, bodyTimeout: 0 });
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
