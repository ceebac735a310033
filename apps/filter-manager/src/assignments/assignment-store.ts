import type { Assignment, NewAssignment } from '@bpfleet/contract';

/** Keeps which version of a filter goes to which agents. One assignment per filter and selector. */
export abstract class AssignmentStore {
  /**
   * Replaces the version that this selector had of the filter. Agents that run something else then get a new
   * generation before this resolves.
   * @throws BpfleetError `NOT_FOUND` when there is no such filter or version
   */
  abstract assign(wanted: NewAssignment): Promise<Assignment>;
  /** @throws BpfleetError `NOT_FOUND` */
  abstract unassign(id: string): Promise<void>;
  /** In the order they were first made. */
  abstract list(after: string | undefined, limit: number): Promise<Assignment[]>;
}
