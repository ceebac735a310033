import { z } from 'zod';

/**
 * One line of a dissection: a layer, a field or a group, by Wireshark's name. `_ws.…` says what is wrong with the packet.
 */
export interface PacketNode {
  readonly name: string;
  readonly text: string;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly value?: number | string | boolean | undefined;
  readonly children?: readonly PacketNode[] | undefined;
}
export const PacketNode: z.ZodType<PacketNode> = z.object({
  name: z.string().describe("Wireshark's display filter abbreviation"),
  text: z.string().describe('The line for people; printable ASCII'),
  offset: z.int().nonnegative().describe("From the packet's first byte"),
  lengthBytes: z.int().nonnegative(),
  value: z.union([z.number(), z.string(), z.boolean()]).optional(),
  get children() {
    return z.array(PacketNode).optional();
  },
});
