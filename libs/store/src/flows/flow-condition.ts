/** Which flows: what a filter expression asks of addresses, protocol and ports. Text of no stranger becomes SQL by it. */
export type FlowCondition =
  | { readonly kind: 'all' | 'any'; readonly of: readonly FlowCondition[] }
  | { readonly kind: 'not'; readonly of: FlowCondition }
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'family'; readonly family: 4 | 6 }
  | { readonly kind: 'protocol'; readonly protocols: readonly number[] }
  /** `address` and the bits of it that count, 4 or 16 bytes each. */
  | { readonly kind: 'address'; readonly end: FlowEnd; readonly address: Uint8Array; readonly mask: Uint8Array }
  /** Both ends belong to it; without ports it does not hold. */
  | { readonly kind: 'port'; readonly end: FlowEnd; readonly from: number; readonly to: number };
export type FlowEnd = 'source' | 'destination';

/**
 * Levels of AND and OR that the planner is shown, and parts of one AND. It needs them to choose the indexes of addresses,
 * and what it does with each is multiplied by those around: of 256 pairs `host … or port … and`, which nest 512 levels,
 * it thought for 7 s for each partition.
 */
const PLANNED_LEVELS = 4;
const PLANNED_PARTS = 64;

/** Never null, so that NOT means not. */
export function conditionSql(condition: FlowCondition, level = 0): string {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return joinedSql(condition, level);
    case 'not':
      return `NOT ${conditionSql(condition.of, level)}`;
    case 'constant':
      return String(condition.value);
    case 'family':
      return `family(source) = ${condition.family}`;
    case 'protocol':
      return condition.protocols.length === 0 ? 'false' : `protocol IN (${condition.protocols.join(', ')})`;
    case 'address':
      return addressSql(condition);
    case 'port':
      return `COALESCE(${condition.end}_port, -1) BETWEEN ${condition.from} AND ${condition.to}`;
  }
}

type Joined = Extract<FlowCondition, { kind: 'all' | 'any' }>;

function joinedSql(joined: Joined, level: number): string {
  const { kind, of } = joined;
  if (of.length === 0) return String(kind === 'all');
  if (of.length === 1) return conditionSql(of[0]!, level);
  if (level >= PLANNED_LEVELS) return decisionsSql(joined);
  if (kind === 'any') return `(${of.map((part) => conditionSql(part, level + 1)).join(' OR ')})`;
  const levelOf = (index: number) => (index < PLANNED_PARTS ? level + 1 : PLANNED_LEVELS);
  return `(${of.map((part, index) => conditionSql(part, levelOf(index))).join(' AND ')})`;
}

/**
 * As CASE, which the planner leaves alone. A chain whose operators alternate nests to the left, once for each: backwards,
 * each of its terms decides, or leaves it to those before. So it is one list however long, and no stack gets deep by it,
 * neither here nor in Postgres.
 */
function decisionsSql(joined: Joined): string {
  const decisions: string[] = [];
  let rest: FlowCondition = joined;
  while ((rest.kind === 'all' || rest.kind === 'any') && rest.of.length > 0) {
    const [first, ...others]: readonly FlowCondition[] = rest.of;
    for (const other of others) {
      const sql = conditionSql(other, PLANNED_LEVELS);
      decisions.push(rest.kind === 'all' ? `WHEN NOT ${sql} THEN false` : `WHEN ${sql} THEN true`);
    }
    rest = first!;
  }
  return `CASE ${decisions.join(' ')} ELSE ${conditionSql(rest, PLANNED_LEVELS)} END`;
}

function addressSql({ end, address, mask }: Extract<FlowCondition, { kind: 'address' }>): string {
  const prefix = prefixLength(mask);
  if (prefix === 8 * mask.length) return `${end} = inet '${inetText(address)}'`;
  if (prefix !== undefined) return `${end} <<= inet '${inetText(masked(address, mask))}/${prefix}'`;
  const family = mask.length === 4 ? 4 : 6;
  // `&` of two families is an error, and CASE the only thing that keeps it from being asked.
  return `CASE WHEN family(${end}) = ${family}
    THEN (${end} & inet '${inetText(mask)}') = inet '${inetText(masked(address, mask))}' ELSE false END`;
}

const masked = (address: Uint8Array, mask: Uint8Array): Uint8Array => address.map((byte, index) => byte & mask[index]!);

/** Undefined where the bits that count are not the first ones. */
function prefixLength(mask: Uint8Array): number | undefined {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const length = bits.indexOf('0') < 0 ? bits.length : bits.indexOf('0');
  return bits.includes('1', length) ? undefined : length;
}

/** As Postgres reads an address; not the shortest form of IPv6. */
export function inetText(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  return Buffer.from(address).toString('hex').match(/.{4}/g)!.join(':');
}
