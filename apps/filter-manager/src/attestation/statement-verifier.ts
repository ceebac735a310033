import { encodeProgram, fromTuples } from '@bpfleet/bpf';
import {
  type AgentStatus,
  canonicalJson,
  digestOf,
  type FilterState,
  type FilterVersion,
  openDocument,
  type Statement,
  statementKind,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { link } from '@bpfleet/pcap-filter';
import { nodeCrypto } from '@bpfleet/service';
import { Injectable } from '@nestjs/common';
import { FilterStore } from '../filters/filter-store.js';
import { FilterManagerMetrics } from '../metrics.js';

/** What is known of the agent that sent a status. */
export interface Witness {
  readonly agent: string;
  readonly epoch: number;
  /** Its identity keys. */
  readonly keys: readonly string[];
  /** The nonces that it was given last. */
  readonly nonces: readonly string[];
}

/** `other program`: signed, and not what the linker makes of the members that it names. */
type Outcome = 'good' | 'not signed by the agent' | 'stale' | 'other program' | 'unknown members';
interface Judged {
  readonly statement: Statement;
  readonly outcome: Outcome;
}

const MAX_KEPT_HASHES = 10_000;

/**
 * Believes of a status only what signed statements say: each is verified, and the program that it names is computed anew
 * from the members, as every agent's linker does. What no statement covers is reported, not attested.
 */
@Injectable()
export class StatementVerifier {
  /** Of linked programs, by what they were linked from. */
  readonly #hashes = new Map<string, string>();

  constructor(
    private readonly filters: FilterStore,
    private readonly metrics: FilterManagerMetrics,
  ) {}

  /** The status with the states that its statements bear out. */
  async verified(status: AgentStatus, witness: Witness): Promise<AgentStatus> {
    const judged: Judged[] = [];
    for (const envelope of status.statements ?? []) {
      const { outcome, statement } = await this.#judge(envelope, witness);
      this.metrics.statements.inc({ outcome });
      if (statement) judged.push({ outcome, statement });
    }
    return { ...status, filters: status.filters.map((state) => borneOut(state, judged)) };
  }

  async #judge(envelope: unknown, witness: Witness): Promise<{ outcome: Outcome; statement?: Statement }> {
    const statement = statementBy(envelope, witness);
    if (statement === undefined) return { outcome: 'not signed by the agent' };
    if (!witness.nonces.includes(statement.nonce)) return { outcome: 'stale' };
    return { statement, outcome: statement.target === 'cbpf' ? await this.#judgeProgram(statement) : 'good' };
  }

  async #judgeProgram(statement: Statement): Promise<Outcome> {
    const { members, linkType, linkerVersion, excluded } = statement;
    const inputs = canonicalJson({ members: members.toSorted(), linkType, linkerVersion, excluded });
    let hash = this.#hashes.get(inputs);
    if (hash === undefined) {
      const versions = await this.filters.byDigest(members);
      hash = versions.length === new Set(members).size ? hashOf(statement, versions) : undefined;
      if (hash === undefined) return 'unknown members';
      if (this.#hashes.size >= MAX_KEPT_HASHES) this.#hashes.delete(this.#hashes.keys().next().value!);
      this.#hashes.set(inputs, hash);
    }
    return hash === statement.hash ? 'good' : 'other program';
  }
}

function statementBy(envelope: unknown, { agent, epoch, keys }: Witness): Statement | undefined {
  try {
    const statement = openDocument(statementKind, envelope, { keys, crypto: nodeCrypto });
    return statement.agent === agent && statement.epoch === epoch ? statement : undefined;
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}

/** Of the bytes that the kernel should give back; undefined when these versions have no such program. */
function hashOf(
  { linkType, linkerVersion, excluded }: Statement,
  versions: readonly FilterVersion[],
): string | undefined {
  const members = versions.flatMap(({ digest, snaplenBytes, programs }) => {
    const program = programs.find((one) => one.form === 'live' && one.linkType === linkType);
    if (program?.target !== 'cbpf') return [];
    return [{ digest: digest.replace('sha256:', ''), program: fromTuples(program.instructions), snaplenBytes }];
  });
  if (members.length < versions.length) return undefined;
  try {
    const cooked = linkType === 'LINUX_SLL2';
    const { program } = link({ linkerVersion, target: 'cbpf', linkType, cooked, excluded, members });
    return digestOf(encodeProgram(program), nodeCrypto);
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}

function borneOut(state: FilterState, judged: readonly Judged[]): FilterState {
  if (state.state !== 'attested' && state.state !== 'attested (loaded)') return state;
  const about = judged.filter(
    ({ statement }) =>
      statement.interface === state.interface &&
      statement.linkType === state.linkType &&
      statement.members.includes(state.digest),
  );
  if (about.some((one) => one.outcome === 'good' && isEvidence(one.statement, state.state))) return state;
  if (about.some(({ outcome }) => outcome === 'other program')) {
    return { ...state, state: 'diverged', reason: 'the agent states another program than the service computes' };
  }
  return { ...state, state: 'reported', reason: 'no signed statement says so yet' };
}

function isEvidence({ evidence }: Statement, state: FilterState['state']): boolean {
  if (state === 'attested') return evidence.kind === 'read back';
  return evidence.kind === 'loaded' && evidence.mapsFrozen && evidence.canary.passed === evidence.canary.packets;
}
