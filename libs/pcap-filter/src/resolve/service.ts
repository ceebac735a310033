/** What a name of `/etc/services` stands for. */
export interface Service {
  readonly port: number;
  readonly protocols: readonly ('tcp' | 'udp' | 'sctp')[];
}
