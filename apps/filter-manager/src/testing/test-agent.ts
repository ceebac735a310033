import {
  type AgentStatus,
  ApiClient,
  acceptDesired,
  agentApi,
  type Bundle,
  bundleKind,
  DELEGATION_HEADER,
  type DesiredState,
  type DsseEnvelope,
  delegationKind,
  delegationText,
  type Enrolled,
  enrolmentKind,
  type Labels,
  openBundle,
  type Statement,
  type StatusAccepted,
  sealDocument,
  statementKind,
  type Trust,
} from '@bpfleet/contract';
import { nodeCrypto, PrivateKey, signAgentToken } from '@bpfleet/service';
import { statusOf } from './examples.js';

/** An agent as far as a filter-manager sees it: keys, calls, and no capture. */
export class TestAgent {
  readonly identity = PrivateKey.generate();
  readonly session = PrivateKey.generate();
  readonly epoch = 1;
  trust: Trust = { keys: [], revokedKeys: [] };
  /** Of the last answer to a status. */
  nonce = '';
  /** It asks for desired states with this. */
  challenge: string | undefined;

  #sequence = 0;

  constructor(
    readonly id: string,
    private readonly url: string,
  ) {}

  /** The same agent at another replica. */
  at(url: string): TestAgent {
    const { identity, session, trust } = this;
    return Object.assign(new TestAgent(this.id, url), { identity, session, trust });
  }

  async enrol(labels: Labels = {}, token = ''): Promise<Enrolled> {
    const document = { agent: this.id, identityPublicKey: this.identity.publicKey, labels };
    const enrolment = sealDocument(enrolmentKind, document, [this.identity]);
    const enrolled = await this.#client.call(agentApi.enrol, { body: { token, enrolment } });
    this.trust = { keys: enrolled.keys, revokedKeys: [] };
    return enrolled;
  }

  async report(changed: Partial<AgentStatus> = {}): Promise<StatusAccepted> {
    const body = statusOf(this.id, { epoch: this.epoch, sequence: ++this.#sequence, ...changed });
    const accepted = await this.#client.call(agentApi.postStatus, { body, headers: await this.headers() });
    this.nonce = accepted.nonce ?? '';
    return accepted;
  }

  /** Enrols and reports. */
  async register(labels: Labels = {}): Promise<this> {
    await this.enrol(labels);
    await this.report({ labels });
    return this;
  }

  async askDesired(known?: number, wait = '30s', signal?: AbortSignal): Promise<Response> {
    const nonce = this.challenge;
    return this.#client.send(agentApi.getDesired, {
      query: { wait, ...(nonce === undefined ? {} : { nonce }) },
      headers: { ...(await this.headers()), ...(known === undefined ? {} : { 'if-none-match': `"${known}"` }) },
      ...(signal ? { signal } : {}),
    });
  }

  /** Verified; undefined for 304. */
  async desired(known?: number, wait?: string, signal?: AbortSignal): Promise<DesiredState | undefined> {
    const response = await this.askDesired(known, wait, signal);
    if (response.status === 304) return undefined;
    const context = { agent: this.id, trust: this.trust, generation: known ?? -1, crypto: nodeCrypto };
    const { state, trust } = acceptDesired(await response.json(), context);
    this.trust = trust;
    return state;
  }

  async askBundle(digest: string): Promise<Response> {
    return this.#client.send(agentApi.getBundle, { path: { digest }, headers: await this.headers() });
  }

  /** Verified, in the order of the state. */
  async bundles(state: DesiredState): Promise<Bundle[]> {
    const bundles: Bundle[] = [];
    for (const entry of state.entries) {
      const bytes = new Uint8Array(await (await this.askBundle(entry.digest)).arrayBuffer());
      bundles.push(openBundle(bytes, entry, { keys: this.trust.keys, crypto: nodeCrypto }));
    }
    return bundles;
  }

  /** `web@1` */
  async runs(state?: DesiredState): Promise<string[]> {
    const bundles = await this.bundles(state ?? (await this.desired())!);
    return bundles.map(({ filter, version }) => `${filter}@${version}`);
  }

  /** What its opener would sign of a linked program. */
  state(changed: Partial<Statement>, key: PrivateKey = this.identity): DsseEnvelope {
    const statement: Statement = {
      ...{ agent: this.id, epoch: this.epoch, interface: 'eth0', generation: 1, linkerVersion: 1, linkType: 'EN10MB' },
      ...{
        target: 'cbpf',
        members: [],
        excluded: [],
        hash: `sha256:${'0'.repeat(64)}`,
        evidence: { kind: 'read back' },
      },
      ...{ nonce: this.nonce, at: new Date().toISOString() },
      ...changed,
    };
    return sealDocument(statementKind, statement, [key]);
  }

  async headers(nowMs = Date.now(), epoch = this.epoch): Promise<Record<string, string>> {
    const delegation = { agent: this.id, epoch, sessionPublicKey: this.session.publicKey };
    return {
      authorization: `Bearer ${await signAgentToken(this.id, nowMs, this.session)}`,
      [DELEGATION_HEADER]: delegationText(sealDocument(delegationKind, delegation, [this.identity])),
    };
  }

  get #client(): ApiClient {
    return new ApiClient({ server: this.url });
  }
}

export const bundleMediaType = bundleKind.payloadType;
