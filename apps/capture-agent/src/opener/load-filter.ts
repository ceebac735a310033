import { type EbpfFilter, encodeEbpf, withDescriptors } from '@bpfleet/bpf';
import { type LoadableFilter, LoadedFilter } from '@bpfleet/linux';

export const loadable = ({ program, maps }: EbpfFilter): LoadableFilter => ({
  maps,
  encode: (descriptors) => encodeEbpf(withDescriptors(program, descriptors)),
});

/** @throws BpfleetError `ATTACH_REFUSED`, SystemCallError */
export const loadFilter = (filter: EbpfFilter): LoadedFilter => LoadedFilter.load(loadable(filter));
