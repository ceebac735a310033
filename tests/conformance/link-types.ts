/** A way packets come: a link type, from a file or (`live`) from the kernel with the outer tag beside the bytes. */
export interface LinkForm {
  /** libpcap's DLT name, as `compile` takes it. */
  readonly linkType: string;
  /** Its number on this host. */
  readonly dlt: number;
  readonly live: boolean;
  /** How coverage and the corpus call it. */
  readonly name: string;
}

const form = (linkType: string, dlt: number, live = false): LinkForm => ({
  linkType,
  dlt,
  live,
  name: live ? `${linkType} live` : linkType,
});

/** Every link type of tier 1 and 2, from a file and as a kernel delivers it. */
export const linkForms = [
  form('EN10MB', 1),
  form('LINUX_SLL', 113),
  form('LINUX_SLL2', 276),
  form('RAW', 12),
  form('IPV4', 228),
  form('IPV6', 229),
  form('NULL', 0),
  form('LOOP', 108),
  form('PPP', 9),
  form('IEEE802_11', 105),
  form('IEEE802_11_RADIO', 127),
  form('EN10MB', 1, true),
  form('LINUX_SLL', 113, true),
  form('LINUX_SLL2', 276, true),
  form('RAW', 12, true),
  form('IPV4', 228, true),
  form('IPV6', 229, true),
  form('NULL', 0, true),
  form('LOOP', 108, true),
  form('PPP', 9, true),
  form('IEEE802_11', 105, true),
  form('IEEE802_11_RADIO', 127, true),
] as const;

export function linkFormNamed(name: string): LinkForm {
  const found = linkForms.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no link form ${name}`);
  return found;
}

/** Links of 802.11 frames. */
export const isWireless = ({ linkType }: LinkForm): boolean => linkType.startsWith('IEEE802_11');
/** Links whose frames say what they carry by an EtherType or an LLC header. */
export const hasEtherTypes = ({ linkType }: LinkForm): boolean =>
  isWireless({ linkType } as LinkForm) || linkType === 'EN10MB' || linkType.startsWith('LINUX_SLL');
