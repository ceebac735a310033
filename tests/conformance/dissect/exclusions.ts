/**
 * Fields of tshark's that are not held against us, by the reason: what they say of the packet, compared fields say as well,
 * but for a password. Every other field of the protocols in `COMPLETE` counts, whether ours has it or not. `*` stands for
 * any characters.
 */
const EXCLUDED: Readonly<Record<string, string>> = {
  'the same bytes once more, for a filter that asks for either side': `
    eth.addr eth.ig eth.lg ip.addr ipv6.addr tcp.port udp.port`,
  'the same address, looked up': `
    eth.*_resolved ip.host ip.*_host ipv6.host ipv6.*_host`,
  'what may be in an address: a MAC, an IPv4 address, a tunnel’s port': `
    ipv6.*slaac_mac ipv6.*isatap_ipv4 ipv6.*6to4_* ipv6.*ts_ipv4 ipv6.*tc_port ipv6.*tc_ipv4 ipv6.*embed_ipv4*`,
  'the vendor’s half of an address that is compared': `
    eth.addr.oui eth.src.oui eth.dst.oui`,
  'tshark’s verdict on a checksum that is compared': `
    *.checksum.status`,
  'of the stream: what other packets said, and when': `
    *.stream *.time_delta *.time_relative tcp.completeness tcp.completeness.* tcp.analysis.* http.request_number
    http.response_number http.time http.request_in http.response_in http.response_for.* http.prev_* http.next_*
    dns.unsolicited dns.response_in dns.response_to dns.time dns.retransmission dns.retransmit_*
    icmp.resp_in icmp.resp_to icmp.resptime icmp.no_resp icmpv6.resp_in icmpv6.resp_to icmpv6.resptime icmpv6.no_resp`,
  'the number on the wire, counted from the stream’s first; tcp.seq_raw and tcp.ack_raw are compared': `
    tcp.seq tcp.ack tcp.nxtseq`,
  'computed from the window, which is compared, and the scale that the stream agreed on': `
    tcp.window_size tcp.window_size_scalefactor`,
  'the same number or bits once more, in other words': `
    tcp.flags.str tcp.options.wscale.multiplier tcp.options.sack.count http.response.code.desc`,
  'of the edges of SACK, which are compared, those that tshark takes for a duplicate’s': `
    tcp.options.sack.dsack_le tcp.options.sack.dsack_re`,
  'how long a message is that is compared field by field': `
    tcp.pdu.size dns.qry.name.len dns.count.labels dns.naptr.replacement_length`,
  'what kind of message it is, which its start line says': `
    http.request http.response http.notification tls.app_data_proto`,
  'put together from host and target, which are compared': `
    http.request.full_uri`,
  'tls.handshake.random, which is compared, as it was before TLS 1.3: a time and 28 bytes': `
    tls.handshake.random_time tls.handshake.random_bytes`,
  'what a password’s line says, whose place alone is shown here': `
    http.authbasic`,
  'a sum over the key’s record, whose bytes are compared; tshark gives it a place in another record': `
    dns.dnskey.key_id`,
  'a digest of the hello’s other fields': `
    tls.handshake.ja3 tls.handshake.ja3_full tls.handshake.ja3s tls.handshake.ja3s_full`,
  'a line that groups, to which tshark gives a Pad1 option’s neighbours, too; its fields are compared': `
    ipv6.opt`,
};

/** Judged as a sum of their own: what the others have in common with tshark makes up for nothing here. */
export const NAMED = ['eth', 'ip', 'ipv6', 'tcp', 'udp', 'icmp', 'dns', 'tls', 'http'];
/** Of these ours must have every field that comes up. */
const COMPLETE = new Set([...NAMED, 'icmpv6', 'arp', 'vlan', 'ieee8021ad', 'ah', 'esp']);

const names = Object.values(EXCLUDED).flatMap((list) => list.trim().split(/\s+/));
const excluded = new RegExp(`^(${names.map((name) => name.replaceAll('.', '\\.').replaceAll('*', '.*')).join('|')})$`);

/** Whether a field of tshark's must be ours, even where nobody has thought of it. */
export const mustBeOurs = (name: string): boolean => COMPLETE.has(name.split('.')[0]!) && !excluded.test(name);
