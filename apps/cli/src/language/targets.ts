/** What an expression is compiled for. */
export const targets = ['cbpf', 'ebpf', 'js', 'prefilter'] as const;
export type Target = (typeof targets)[number];
