/** What can judge packets. Here and not beside the requests, whose schemas take a third of the time a command starts in. */
export const backends = ['interpreter', 'js', 'ebpf', 'kernel'] as const;
export type Backend = (typeof backends)[number];
