import type { NumberSet } from '../number-set.js';
import type { Value } from './value.js';

interface Node {
  /** Tells terms apart; an older one has the smaller number. */
  readonly id: number;
  /** What is known of it on the way that is being followed. */
  value: Value;
  /** What to look at again when more is known of it. */
  readonly users: Rule[];
}

/** A number as the program made it from the packet: equal terms are one object. */
export type Term = Numeral | Missing | Word | Calculated | LoadSomewhere;

export interface Numeral extends Node {
  readonly kind: 'numeral';
}

/** A byte that was cut off, or metadata that nobody kept. */
export interface Missing extends Node {
  readonly kind: 'missing';
  /** Where in the packet; undefined for metadata. */
  readonly at: number | undefined;
}

/** Two or four bytes in a row, some of them missing. */
export interface Word extends Node {
  readonly kind: 'word';
  readonly bytes: readonly Term[];
}

export interface Calculated extends Node {
  readonly kind: 'calculated';
  readonly operation: number;
  readonly a: Term;
  readonly operand: Term;
}

/** A load whose offset depends on what is missing. Only of a packet that it is inside of. */
export interface LoadSomewhere extends Node {
  readonly kind: 'load';
  readonly offset: Term;
  readonly size: number;
}

/** `a test operand`, or not. */
export interface Relation {
  readonly kind: 'relation';
  readonly test: number;
  readonly a: Term;
  readonly operand: Term;
  readonly holds: boolean;
}

/** That a number is in a set, or not. */
export interface Membership {
  readonly kind: 'member';
  readonly a: Term;
  readonly set: NumberSet;
  readonly holds: boolean;
}

/** What a way takes for granted. */
export type Assumption = Relation | Membership;

/** What relates terms with each other: an assumption, or what a term is made of. */
export type Rule = Assumption | Word | Calculated | LoadSomewhere;

export function termsOf(assumption: Assumption): readonly Term[] {
  switch (assumption.kind) {
    case 'relation':
      return [assumption.a, assumption.operand];
    case 'member':
      return [assumption.a];
  }
}
