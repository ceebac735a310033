import { createServer } from 'node:http';
import { type Finding, no, ok, reasonOf, warning } from '@bpfleet/contract/doctor';
import { BpfleetError } from '@bpfleet/errors';
import { listenError } from '@bpfleet/service';

/** Whether the agent could serve its metrics there, by listening for a moment. */
export async function listenFinding(listen: string, port: number): Promise<Finding> {
  const name = 'BPFLEET_LISTEN';
  const error = await refusalOf(listen, port);
  if (error === undefined) return ok(name, `may listen on ${listen}, port ${port}`);
  if (!(error instanceof BpfleetError)) return no(name, reasonOf(error), 'see BPFLEET_LISTEN and BPFLEET_PORT');
  // An agent that runs already has it: no fault, unless a second one is to run.
  if (error.code === 'PORT_TAKEN')
    return warning(name, error.message, `unless by this host’s own agent: ${error.hint}`);
  return no(name, error.message, error.hint ?? 'see BPFLEET_LISTEN and BPFLEET_PORT');
}

function refusalOf(listen: string, port: number): Promise<unknown> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (cause) => resolve(listenError(cause, listen, port)));
    server.listen(port, listen, () => server.close(() => resolve(undefined)));
  });
}
