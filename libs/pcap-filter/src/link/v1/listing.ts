import { BPF, type Instruction, statement } from '@bpfleet/bpf';

/** A place in a listing that jumps lead to, always ahead of the jump. */
export type Label = number;

/** One line of a program whose jumps still name labels instead of distances. */
export type Line =
  | { readonly kind: 'label'; readonly label: Label }
  | { readonly kind: 'plain'; readonly instruction: Instruction }
  | {
      readonly kind: 'branch';
      readonly code: number;
      readonly k: number;
      readonly yes: Label;
      readonly no: Label;
    }
  | { readonly kind: 'go'; readonly to: Label }
  /** Behind a line that never goes on to the next: here a label that is far away may get a `ja` to it. */
  | { readonly kind: 'relay'; readonly to: Label };

/** Collects lines in program order. */
export class Listing {
  readonly lines: Line[] = [];
  #labels = 0;

  newLabel(): Label {
    return this.#labels++;
  }

  place(label: Label): void {
    this.lines.push({ kind: 'label', label });
  }

  plain(code: number, k = 0): void {
    this.lines.push({ kind: 'plain', instruction: statement(code, k) });
  }

  /** A test of A with the constant k, or with X where the code says so. */
  branch(test: number, k: number, yes: Label, no: Label): void {
    this.lines.push({ kind: 'branch', code: BPF.JMP | test, k, yes, no });
  }

  go(to: Label): void {
    this.lines.push({ kind: 'go', to });
  }

  relay(to: Label): void {
    this.lines.push({ kind: 'relay', to });
  }
}
