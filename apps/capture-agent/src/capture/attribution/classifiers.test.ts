import { describe, expect, it } from 'vitest';
import { Classifiers } from './classifiers.js';
import { memberOf } from './testing/member.js';

describe('Classifiers', () => {
  it('gives the same code for the same programs, whatever else of their members, and other code for others', () => {
    const classifiers = new Classifiers();
    const [web, dns] = [memberOf('web', 'tcp port 80'), memberOf('dns', 'udp port 53')];
    const both = classifiers.of([web, dns]);
    expect(classifiers.of([{ ...web, version: 2, snaplenBytes: 54 }, dns])).toBe(both);
    expect(classifiers.of([dns, web])).not.toBe(both);
    expect(classifiers.of([web])).not.toBe(both);
  });

  it('knows those that are used, however many others came since', () => {
    const classifiers = new Classifiers();
    const used = classifiers.of([memberOf('web', 'tcp port 80')]);
    for (let port = 1; port < 20; port++) classifiers.of([memberOf('other', `udp port ${port}`)]);
    expect(classifiers.of([memberOf('web', 'tcp port 80')])).toBe(used);
  });
});
