import { COMPLETENESS_TRAILER } from '@bpfleet/contract';
import type { OpenApiInfo } from '@bpfleet/service/nest';

export const openApiInfo: OpenApiInfo = {
  title: 'bpfleet analytics',
  version: '1',
  description: [
    'Answers about stored traffic: packets that match a filter expression, as rows or as capture files.',
    'The `Accept` header chooses the form. JSON and NDJSON are rows, the newest first. NDJSON ends with a line',
    '`{"completeness":…}`; without it the answer broke off. Capture files (`application/x-pcapng`,',
    '`application/vnd.tcpdump.pcap`) are in time order, hold one link type, and carry the same object in the HTTP',
    `trailer \`${COMPLETENESS_TRAILER}\`. A range goes from \`since\` up to, not including, \`until\`.`,
    'A packet is stored once for each filter that selected it, and so it appears once for each: a row, and the',
    'interface that a packet has in a pcapng file, name the filter.',
  ].join(' '),
};
