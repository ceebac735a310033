import type { Logic } from '../logic.js';

/** One leaf a line, indented under its `and`, `or` and `not`. */
export function printLogic<Leaf>(logic: Logic<Leaf>, printLeaf: (leaf: Leaf) => string): string {
  const lines: string[] = [];
  const print = (part: Logic<Leaf>, indent: string, lead: string) => {
    switch (part.kind) {
      case 'leaf':
        lines.push(`${indent}${lead}${printLeaf(part.leaf)}`);
        break;
      case 'not':
        lines.push(`${indent}${lead}not`);
        print(part.operand, `${indent}  `, '');
        break;
      case 'chain':
        lines.push(`${indent}${lead}(`);
        print(part.first, `${indent}  `, '');
        for (const { operator, operand } of part.rest) print(operand, `${indent}  `, `${operator} `);
        lines.push(`${indent})`);
    }
  };
  print(logic, '', '');
  return lines.join('\n');
}
