/** RFC 9293, 3.1: the header's byte 13 from bit 0 on. */
const NAMES = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'] as const;

export const tcpFlagNames = (flags: number): string[] => NAMES.filter((_, bit) => (flags & (1 << bit)) !== 0);
