import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { faults } from './faults.js';

const compiler = join(import.meta.dirname, '../../../libs/pcap-filter/src');

it.each(faults.map((one) => [`${one.file}: ${one.find.slice(0, 60)}`, one] as const))(
  'can still be put into the compiler: %s',
  (_, { file, find, replace }) => {
    const source = readFileSync(join(compiler, file), 'utf8');
    expect(source).toContain(find);
    expect(source.replace(find, () => replace)).not.toBe(source);
  },
);
