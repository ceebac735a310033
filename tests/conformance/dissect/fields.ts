/** Fields whose name, place and value must be tshark's, by protocol. Each must come up in every run. */
const FIELDS_OF: Readonly<Record<string, string>> = {
  ah: `icv length next_header reserved sequence spi`,
  arp: `dst.hw dst.hw_mac dst.proto dst.proto_ipv4 hw.size hw.type opcode proto.size proto.type src.hw
    src.hw_mac src.proto src.proto_ipv4`,
  data: `data`,
  dns: `a aaaa caa.flags caa.flags.issuer_critical caa.iodef caa.issue caa.issuewild caa.tag caa.tag_length caa.unknown
    caa.value cname count.add_rr count.answers count.auth_rr count.queries dname dnskey.algorithm
    dnskey.flags dnskey.flags.key_revoked dnskey.flags.reserved dnskey.flags.secure_entry_point dnskey.flags.zone_key
    dnskey.protocol dnskey.public_key ds.algorithm ds.digest ds.digest_type ds.key_id flags flags.authenticated
    flags.authoritative flags.checkdisable flags.opcode flags.rcode flags.recavail flags.recdesired
    flags.response flags.truncated flags.z id length mx.mail_exchange mx.preference naptr.flags
    naptr.flags_length naptr.order naptr.preference naptr.regex naptr.regex_length naptr.replacement naptr.service
    naptr.service_length ns nsec.next_domain_name nsec3.algo nsec3.flags nsec3.flags.opt_out nsec3.hash_length
    nsec3.hash_value nsec3.iterations nsec3.salt_length nsec3.salt_value opt opt.client.addr opt.client.addr4
    opt.client.addr6 opt.client.family opt.client.netmask opt.client.scope opt.code opt.cookie.client
    opt.cookie.server opt.data opt.dau opt.dhu opt.edns_tcp_keepalive.timeout opt.ext_error.extra_text
    opt.ext_error.info_code opt.len opt.n3u opt.padding ptr.domain_name qry.class
    qry.name qry.qu qry.type resp.cache_flush resp.class resp.edns0_version resp.ext_rcode resp.len
    resp.name resp.ttl resp.type resp.z resp.z.do resp.z.reserved rr.udp_payload_size rrsig.algorithm rrsig.key_tag
    rrsig.labels rrsig.original_ttl rrsig.signature rrsig.signature_expiration rrsig.signature_inception
    rrsig.signers_name rrsig.type_covered soa.expire_limit soa.minimum_ttl
    soa.mname soa.refresh_interval soa.retry_interval soa.rname soa.serial_number srv.name srv.port srv.priority
    srv.proto srv.service srv.target srv.weight sshfp.algorithm sshfp.fingerprint sshfp.fingerprint.type
    svcb.svcparam svcb.svcparam.alpn svcb.svcparam.alpn.length svcb.svcparam.echconfig svcb.svcparam.ipv4hint.ip
    svcb.svcparam.ipv6hint.ip svcb.svcparam.key svcb.svcparam.mandatory.key svcb.svcparam.odohconfig
    svcb.svcparam.port svcb.svcparam.value svcb.svcparam.value.length svcb.svcpriority svcb.targetname
    tlsa.certificate_association_data tlsa.certificate_usage tlsa.matching_type tlsa.selector txt txt.length`,
  esp: `sequence spi`,
  eth: `dst dst.ig dst.lg len padding src src.ig src.lg trailer type`,
  http: `accept accept_encoding accept_language authorization cache_control connection content_encoding content_length
    content_length_header content_type cookie cookie_pair date file_data host last_modified location
    proxy_authorization referer request.line request.method request.uri request.uri.path request.uri.query request.uri.query.parameter
    request.version response.code response.line response.phrase response.version server set_cookie
    transfer_encoding unknown_header upgrade user_agent www_authenticate x_forwarded_for`,
  icmp: `address_mask checksum code ident ident_le mtu originate_timestamp pointer receive_timestamp redir_gw
    seq seq_le transmit_timestamp type unused`,
  icmpv6: `checksum code echo.identifier echo.sequence_number mtu nd.na.flag nd.na.flag.o nd.na.flag.r
    nd.na.flag.rsv nd.na.flag.s nd.na.target_address nd.ns.target_address nd.ra.cur_hop_limit nd.ra.flag nd.ra.flag.h nd.ra.flag.m
    nd.ra.flag.o nd.ra.flag.p nd.ra.flag.prf nd.ra.flag.rsv nd.ra.reachable_time nd.ra.retrans_timer nd.ra.router_lifetime nd.rd.target_address
    opt opt.length opt.linkaddr opt.mtu opt.prefix opt.prefix.flag opt.prefix.flag.a opt.prefix.flag.l
    opt.prefix.flag.r opt.prefix.flag.reserved opt.prefix.length opt.prefix.preferred_lifetime
    opt.prefix.valid_lifetime opt.reserved opt.src_linkaddr opt.target_linkaddr opt.type pointer rd.na.destination_address reserved type`,
  ieee8021ad: `dei id priority`,
  ieee8021ah: `etype`,
  ip: `checksum cur_rt dsfield dsfield.dscp dsfield.ecn dst empty_rt flags flags.df flags.mf flags.rb frag_offset
    hdr_len id len opt.len opt.ptr opt.ra opt.sid opt.type opt.type.class opt.type.copy opt.type.number
    options.eol options.nop options.record_route options.route options.routeralert options.sid options.source_route
    proto rec_rt src src_rt ttl version`,
  ipv6: `dst dstopts.len dstopts.len_oct dstopts.nxt flow fraghdr.ident fraghdr.more fraghdr.nxt
    fraghdr.offset fraghdr.reserved_bits fraghdr.reserved_octet hlim hopopts.len hopopts.len_oct
    hopopts.nxt nxt opt.length opt.pad1 opt.padn opt.router_alert opt.tel opt.type opt.type.action
    opt.type.change opt.type.rest plen routing.len routing.len_oct routing.mipv6.home_address routing.mipv6.reserved routing.nxt routing.segleft
    routing.type src tclass tclass.dscp tclass.ecn version`,
  llc: `dsap ssap control oui type`,
  null: `family`,
  sctp: `checksum chunk_flags chunk_length chunk_padding chunk_type cookie data_b_bit data_e_bit data_i_bit
    data_payload_proto_id data_sid data_ssn data_tsn_raw data_u_bit dstport init_credit init_initial_tsn
    init_initiate_tag init_nr_in_streams init_nr_out_streams initack_credit initack_initial_tsn
    initack_initiate_tag initack_nr_in_streams initack_nr_out_streams parameter_ipv4_address
    parameter_ipv6_address parameter_length parameter_type sack_a_rwnd sack_cumulative_tsn_ack_raw
    sack_gap_block_end sack_gap_block_start sack_number_of_duplicated_tsns sack_number_of_gap_blocks
    shutdown_cumulative_tsn_ack srcport verification_tag`,
  sll: `etype halen hatype ifindex pkttype src.eth`,
  tcp: `reset_cause ack_raw checksum dstport flags flags.ack flags.ae flags.cwr flags.ece flags.fin flags.push flags.res
    flags.reset flags.syn flags.urg hdr_len len option_kind option_len options options.eol options.mss options.mss_val options.nop options.sack
    options.sack_le options.sack_perm
    options.sack_re options.timestamp options.timestamp.tsecr options.timestamp.tsval options.wscale
    options.wscale.shift payload seq_raw
    srcport urgent_pointer window_size_value`,
  tls: `alert_message alert_message.desc alert_message.level app_data change_cipher_spec handshake handshake.cipher_suites_length
    handshake.ciphersuite handshake.ciphersuites handshake.comp_method handshake.comp_methods
    handshake.comp_methods_length handshake.extension.data
    handshake.extension.len handshake.extension.type handshake.extensions.supported_version
    handshake.extensions.supported_versions_len handshake.extensions_alpn_len
    handshake.extensions_alpn_list handshake.extensions_alpn_str handshake.extensions_alpn_str_len handshake.extensions_length
    handshake.extensions_ec_point_format handshake.extensions_ec_point_formats
    handshake.extensions_ec_point_formats_length handshake.extensions_server_name handshake.extensions_server_name_len
    handshake.extensions_server_name_list_len handshake.extensions_server_name_type
    handshake.extensions_supported_group handshake.extensions_supported_groups handshake.extensions_supported_groups_length handshake.length
    handshake.random handshake.session_id handshake.session_id_length handshake.sig_hash_alg
    handshake.sig_hash_alg_len handshake.sig_hash_algs handshake.sig_hash_hash handshake.sig_hash_sig handshake.type handshake.version record record.content_type record.length
    record.version`,
  udp: `checksum dstport length payload srcport`,
  vlan: `len dei etype id priority trailer`,
};

export const FIELDS: readonly string[] = Object.entries(FIELDS_OF).flatMap(([protocol, fields]) =>
  fields.split(/\s+/).map((field) => `${protocol}.${field}`),
);
