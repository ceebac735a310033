/**
 * As much of WebAssembly's binary format as one function needs (core specification, 5). Code is a list of bytes; an operator
 * takes the code of its operands and appends its own, as the stack machine wants it.
 */
export type Code = readonly number[];

/** One behind the other; `flat` would look at each number. */
const joined = (parts: readonly Code[], ...more: readonly Code[]): number[] =>
  ([] as number[]).concat(...parts, ...more);

export type ValueType = 'i32' | 'i64';
const VALUE_TYPE = { i32: 0x7f, i64: 0x7e } as const;

/** Unsigned LEB128 (5.2.2). */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left];
}

/** Signed LEB128 (5.2.2). */
function signed(value: bigint): Code {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7n) {
    const low = Number(left & 0x7fn);
    if ((left < 64n && left >= 0n) || (left < 0n && left >= -64n)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function signed32(value: number): Code {
  const bytes: number[] = [];
  for (let left = value | 0; ; left >>= 7) {
    const low = left & 0x7f;
    if (left >= -64 && left < 64) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const operator =
  (...codes: number[]) =>
  (...operands: readonly Code[]): Code =>
    joined(operands, codes);

/** Numeric instructions (5.4.7), by their names. */
export const i32 = {
  const: (value: number): Code => [0x41, ...signed32(value)],
  eqz: operator(0x45),
  eq: operator(0x46),
  ne: operator(0x47),
  ltU: operator(0x49),
  gtU: operator(0x4b),
  leU: operator(0x4d),
  geU: operator(0x4f),
  add: operator(0x6a),
  sub: operator(0x6b),
  mul: operator(0x6c),
  divU: operator(0x6e),
  remU: operator(0x70),
  and: operator(0x71),
  or: operator(0x72),
  xor: operator(0x73),
  shl: operator(0x74),
  shrU: operator(0x76),
  wrapI64: operator(0xa7),
} as const;
export const i64 = {
  const: (value: bigint): Code => [0x42, ...signed(value)],
  ltU: operator(0x54),
  gtU: operator(0x56),
  add: operator(0x7c),
  mul: operator(0x7e),
  divU: operator(0x80),
  remU: operator(0x82),
  shrU: operator(0x88),
  extendU: operator(0xad),
} as const;
export const f64 = {
  const: (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)],
  add: operator(0xa0),
  mul: operator(0xa2),
  convertU: operator(0xb8),
} as const;

/** Memory instructions (5.4.6): nothing is said of alignment. */
const access =
  (...opcode: number[]) =>
  (offset: number, ...operands: readonly Code[]): Code =>
    joined(operands, opcode, [0], unsigned(offset));
export const load = { i32: access(0x28), u8: access(0x2d), u16: access(0x2f), v128: access(0xfd, 0x00) } as const;
/** Operands: address, value. */
export const store = { i32: access(0x36), f64: access(0x39), u8: access(0x3a), v128: access(0xfd, 0x0b) } as const;

/** Variables and control instructions (5.4.5, 5.4.1). Labels count outwards from 0. */
export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => joined([value, [0x21], unsigned(local)]);
const VOID = 0x40;
export const block = (...body: readonly Code[]): Code => joined([[0x02, VOID]], ...body, [0x0b]);
export const loop = (...body: readonly Code[]): Code => joined([[0x03, VOID]], ...body, [0x0b]);
export const when = (condition: Code, ...body: readonly Code[]): Code =>
  joined([condition, [0x04, VOID]], ...body, [0x0b]);
/** Of the function with that number; operands first. */
export const call = (number: number, ...operands: readonly Code[]): Code => joined(operands, [0x10], unsigned(number));
export const branch = (label: number): Code => [0x0c, ...unsigned(label)];
export const branchIf = (label: number, condition: Code): Code => joined([condition, [0x0d], unsigned(label)]);

export interface WasmFunction {
  /** All i32; so is the result. */
  readonly parameters: number;
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/** A function as a module has it: made once, it may be in many. */
export interface EncodedFunction {
  readonly type: Code;
  readonly code: Code;
}

export function encodeFunction({ parameters, locals, body }: WasmFunction): EncodedFunction {
  const code = [...unsigned(locals.length), ...locals.flatMap((type) => [1, VALUE_TYPE[type]]), ...body, 0x0b];
  return {
    type: [0x60, ...unsigned(parameters), ...Array(parameters).fill(VALUE_TYPE.i32), 1, VALUE_TYPE.i32],
    code: [...unsigned(code.length), ...code],
  };
}

/** A module on the memory `host.memory`. Its first function is exported; the others may be called by their numbers. */
export function wasmModule(name: string, ...functions: readonly EncodedFunction[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, items: readonly Code[]): Code => sized(id, joined([unsigned(items.length)], ...items));
  const parts: readonly Code[] = [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(
      1,
      functions.map(({ type }) => type),
    ),
    // A memory of any size.
    section(2, [[...text('host'), ...text('memory'), 0x02, 0, 0]]),
    section(
      3,
      functions.map((_, number) => unsigned(number)),
    ),
    section(7, [[...text(name), 0, 0]]),
    section(
      10,
      functions.map(({ code }) => code),
    ),
  ];
  return Uint8Array.from(joined(parts));
}

const sized = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
const text = (name: string): Code => [...unsigned(name.length), ...[...name].map((letter) => letter.charCodeAt(0))];
