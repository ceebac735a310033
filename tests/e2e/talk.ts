import { exchange, type Hosts, startEchoServer } from '@bpfleet/test-environment';

const TCP_PORT = 5443;
const UDP_PORT = 5300;

/** Real conversations over the hub: h1 asks h2 and h3, by TCP and UDP, over IPv4 and IPv6. */
export async function talk(hosts: Hosts): Promise<void> {
  const [client, ...servers] = hosts.list;
  for (const server of servers) {
    const echo = await startEchoServer(hosts, server, { tcp: [TCP_PORT], udp: [UDP_PORT] });
    await exchange(
      hosts,
      client!,
      [server.address, server.address6].flatMap((address) => [
        { protocol: 'tcp' as const, address, port: TCP_PORT, messages: 20, messageBytes: 5_000 },
        { protocol: 'udp' as const, address, port: UDP_PORT, messages: 20, messageBytes: 1_000 },
      ]),
    );
    await echo.stop();
  }
}
