import { describe, expect, it } from 'vitest';
import { compile } from '../../compile.js';
import { decisionsOf } from '../decisions.js';
import { structure } from '../structure.js';
import { Symbols } from '../symbols.js';
import { Shapes } from './shapes.js';
import { Terms } from './terms.js';

const form = { linkType: 'EN10MB', live: false };

describe('Terms', () => {
  it('finds a term by what it means, in the plain and in the optimised form, also denied', () => {
    const symbols = new Symbols();
    const shapes = new Shapes(symbols);
    const terms = new Terms(symbols, shapes, form);
    terms.propose('tcp dst port 80');
    for (const optimize of [false, true]) {
      const { program } = compile('tcp dst port 80', { optimize });
      const shape = shapes.of(structure(decisionsOf(program, symbols), symbols));
      expect(terms.for(shape)?.text).toBe('tcp dst port 80');
      expect(terms.for(shapes.negate(shape))?.text).toBe('not tcp dst port 80');
    }
  });

  it('gives up proposing when many long terms were read, for all that speak about one program', () => {
    const symbols = new Symbols();
    const shapes = new Shapes(symbols);
    const found = (terms: Terms) => [...terms.all()].length;
    for (let number = 100; number < 250 && !shapes.effort.isTiredOfReading; number++) {
      new Terms(symbols, shapes, form).propose(`protochain ${number}`);
    }
    expect(shapes.effort.isTiredOfReading).toBe(true);
    const [late, early] = [new Terms(symbols, shapes, form), new Terms(symbols, new Shapes(symbols), form)];
    for (const terms of [late, early]) terms.propose('arp');
    expect([found(late), found(early)]).toEqual([0, 2]);
  });
});
