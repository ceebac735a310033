export { BpfleetError, type BpfleetErrorOptions, type ErrorCode, errorCodes, type Span } from './bpfleet-error.js';
export { hasCode } from './has-code.js';
