/** Sends packet sockets to the other process, beside the messages about them. */
export interface DescriptorSender {
  /** @returns false when there is no room now: try again later. The descriptor stays the caller's. */
  send(fd: number, number: number): boolean;
  close(): void;
}

export interface ReceivedDescriptor {
  /** This process's own from here on. */
  readonly fd: number;
  /** What the sender called it. */
  readonly number: number;
}

export interface DescriptorReceiver {
  /** The next one that is there; undefined when there is none. Never waits. */
  receive(): ReceivedDescriptor | undefined;
  close(): void;
}
