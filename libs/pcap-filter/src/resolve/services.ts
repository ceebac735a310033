import type { Service } from './service.js';

/** IP protocol numbers that carry ports. */
export const TCP = 6;
export const UDP = 17;
export const SCTP = 132;

/**
 * Well-known services (IANA) by what they run over, for machines and browsers without a services table.
 * `port http` matches TCP only, as with libpcap and a common services table.
 */
const TABLE = `
  ftp-data tcp 20 | ftp tcp 21 | ssh tcp 22 | telnet tcp 23 | smtp tcp 25 | whois tcp 43 | tftp udp 69 | http tcp 80
  pop3 tcp 110 | auth tcp 113 | nntp tcp 119 | netbios-ssn tcp 139 | imap2 tcp 143 | imap tcp 143 | bgp tcp 179
  microsoft-ds tcp 445 | submission tcp 587 | rsync tcp 873 | imaps tcp 993 | pop3s tcp 995 | ms-sql-s tcp 1433
  mysql tcp 3306 | postgresql tcp 5432 | amqp tcp 5672 | xmpp-client tcp 5222 | redis tcp 6379 | http-alt tcp 8080 | kafka tcp 9092
  git tcp 9418 | mongodb tcp 27017
  bootps udp 67 | bootpc udp 68 | ntp udp 123 | netbios-ns udp 137 | netbios-dgm udp 138 | ipx udp 213 | isakmp udp 500 | syslog udp 514
  dhcpv6-client udp 546 | dhcpv6-server udp 547 | mdns udp 5353
  domain tcp,udp 53 | kerberos tcp,udp 88 | sunrpc tcp,udp 111 | snmp tcp,udp 161 | snmp-trap tcp,udp 162
  ldap tcp,udp 389 | https tcp,udp 443 | ldaps tcp,udp 636 | domain-s tcp,udp 853 | openvpn tcp,udp 1194
  radius tcp,udp 1812 | radius-acct tcp,udp 1813 | nfs tcp,udp 2049 | sip tcp,udp 5060 | sip-tls tcp,udp 5061
`;

export const builtInServices: Readonly<Record<string, Service>> = Object.fromEntries(
  TABLE.trim()
    .split(/\s*[|\n]\s*/)
    .map((row) => {
      const [name = '', protocols = '', port = ''] = row.split(' ');
      return [name, { port: Number(port), protocols: protocols.split(',') as Service['protocols'] }];
    }),
);

/** IP protocols by name, for `ip proto \\name` (IANA). */
export const builtInProtocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  ip: 0,
  hopopt: 0,
  ipencap: 4,
  tcp: TCP,
  egp: 8,
  igp: 9,
  udp: UDP,
  dccp: 33,
  ipv6: 41,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  eigrp: 88,
  ospf: 89,
  ipip: 94,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  l2tp: 115,
  isis: 124,
  sctp: SCTP,
  udplite: 136,
};
