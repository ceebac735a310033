/** Every code a person or a program can meet. Callers match on these; messages may change. */
export const errorCodes = [
  // language and machines
  'FILTER_SYNTAX',
  'FILTER_UNSUPPORTED',
  'FILTER_TOO_LARGE',
  'NEVER_MATCHES',
  'PROGRAM_INVALID',
  // bytes from files and from the network
  'SECTION_CORRUPT',
  'CAPTURE_FILE_CORRUPT',
  'RECORD_INVALID',
  'SEVERAL_LINK_TYPES',
  // signed documents
  'SIGNATURE_INVALID',
  'DOCUMENT_INVALID',
  'BUNDLE_INVALID',
  'EXPIRED',
  // the kernel
  'SYSTEM_CALL',
  'ATTACH_REFUSED',
  'CAPTURE_NOT_PERMITTED',
  'INTERFACE_UNKNOWN',
  'PLATFORM_UNSUPPORTED',
  // the bus and the store
  'BUS_TIMEOUT',
  'BUS_CLOSED',
  'FENCED',
  'POSITION_UNKNOWN',
  'STORE_UNAVAILABLE',
  'TOO_BUSY',
  'QUERY_TIMEOUT',
  // start and configuration
  'CONFIG_INVALID',
  'PORT_TAKEN',
  'DATA_NOT_WRITABLE',
  'DATA_NEWER',
  'DATA_FOREIGN',
  'DATA_IN_USE',
  'FILE_UNREADABLE',
  // requests
  'REQUEST_INVALID',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'VERSION_CONFLICT',
  'SERVER_UNREACHABLE',
  'ANSWER_TOO_LARGE',
  // who calls
  'UNAUTHENTICATED',
  'CLOCK_SKEW',
  'NOT_ENROLLED',
  'ENROLMENT_REFUSED',
  'IDENTITY_CONFLICT',
  'INTERNAL',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** A place in the text that was refused: UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface BpfleetErrorOptions extends ErrorOptions {
  /** Where in the input; printed as a caret by the CLI, returned as `span` by the API. */
  readonly span?: Span;
  /** What to do next, when the message alone does not say it. */
  readonly hint?: string;
}

/** The one error class: a stable code, what happened to which thing, where, and what to do next. */
export class BpfleetError extends Error {
  override readonly name = 'BpfleetError';
  readonly span: Span | undefined;
  readonly hint: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: BpfleetErrorOptions = {},
  ) {
    super(message, options);
    this.span = options.span;
    this.hint = options.hint;
  }
}
