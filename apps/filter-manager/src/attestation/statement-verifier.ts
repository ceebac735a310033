import {
  type AgentStatus,
  canonicalJson,
  type FilterState,
  type FilterVersion,
  openDocument,
  type Statement,
  statementKind,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto } from '@bpfleet/service';
import { Injectable } from '@nestjs/common';
import { FilterStore } from '../filters/filter-store.js';
import { FilterManagerMetrics } from '../metrics.js';
import { type ExpectedProgram, expectedProgram } from './expected-program.js';

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

const MAX_KEPT_PROGRAMS = 10_000;

/**
 * Believes of a status only what signed statements say: each is verified, and the program that it names is computed anew
 * from the members, as every agent's linker does. What no statement covers is reported, not attested.
 */
@Injectable()
export class StatementVerifier {
  /** By what they were linked from. */
  readonly #programs = new Map<string, ExpectedProgram>();

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
    return { statement, outcome: await this.#judgeProgram(statement) };
  }

  async #judgeProgram(statement: Statement): Promise<Outcome> {
    const expected = await this.#expected(statement);
    if (expected === undefined) return 'unknown members';
    return isAsExpected(statement, expected) ? 'good' : 'other program';
  }

  async #expected(statement: Statement): Promise<ExpectedProgram | undefined> {
    const { members, branches, linkType, linkerVersion, excluded, target } = statement;
    const ordered = branches ? { members, branches } : { members: members.toSorted() };
    const inputs = canonicalJson({ ...ordered, linkType, linkerVersion, excluded, target });
    const known = this.#programs.get(inputs);
    if (known !== undefined) return known;
    const versions = await this.filters.byDigest(members);
    const expected = versions.length === new Set(members).size ? linked(statement, versions) : undefined;
    if (expected === undefined) return undefined;
    if (this.#programs.size >= MAX_KEPT_PROGRAMS) this.#programs.delete(this.#programs.keys().next().value!);
    this.#programs.set(inputs, expected);
    return expected;
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

function linked(statement: Statement, versions: readonly FilterVersion[]): ExpectedProgram | undefined {
  try {
    return expectedProgram(statement, versions);
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}

/** Of eBPF the kernel gives no bytes back: what its descriptors tell has to be what it tells of the same program. */
function isAsExpected({ hash, evidence }: Statement, expected: ExpectedProgram): boolean {
  if (hash !== expected.hash) return false;
  if (evidence.kind !== 'loaded') return true;
  const { loaded } = expected;
  return (
    loaded !== undefined &&
    evidence.tag === loaded.tags[evidence.tagHash] &&
    evidence.maps.length === loaded.maps.length &&
    evidence.maps.every((digest, index) => digest === loaded.maps[index])
  );
}

function borneOut(state: FilterState, judged: readonly Judged[]): FilterState {
  if (state.state !== 'attested' && state.state !== 'attested (loaded)') return state;
  const about = judged.filter(({ statement }) => isAbout(statement, state));
  if (about.some((one) => one.outcome === 'good' && isEvidence(one.statement, state.state))) return state;
  if (about.some(({ outcome }) => outcome === 'other program')) {
    return { ...state, state: 'diverged', reason: 'the agent states another program than the service computes' };
  }
  return { ...state, state: 'reported', reason: 'no signed statement says so yet' };
}

function isAbout({ interface: device, linkType, members, branches }: Statement, state: FilterState): boolean {
  if (branches === undefined)
    return device === state.interface && linkType === state.linkType && members.includes(state.digest);
  return branches.some(
    (branch) =>
      branch.linkType === state.linkType &&
      branch.interfaces.some(({ name }) => name === state.interface) &&
      branch.members.some((place) => members[place] === state.digest),
  );
}

function isEvidence({ evidence, target }: Statement, state: FilterState['state']): boolean {
  if (state === 'attested') return evidence.kind === 'read back' && target === 'cbpf';
  return evidence.kind === 'loaded' && evidence.mapsFrozen && evidence.canary.passed === evidence.canary.packets;
}
