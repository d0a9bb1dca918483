/** Expressions as they are checked: macros are expanded already. `at`: where it stands in the text (UTF-16 units), as cel-go counts it. */
export type Constant = boolean | bigint | number | string | null | Uint8Array | { readonly uint: bigint };

interface Place {
  readonly at: number;
}
export interface Const extends Place {
  readonly kind: 'const';
  readonly value: Constant;
}
export interface Ident extends Place {
  readonly kind: 'ident';
  readonly name: string;
}
export interface Select extends Place {
  readonly kind: 'select';
  readonly operand: Node;
  readonly field: string;
  /** `has(operand.field)`. */
  readonly test: boolean;
}
export interface Call extends Place {
  readonly kind: 'call';
  readonly name: string;
  readonly target?: Node;
  readonly args: readonly Node[];
}
export interface List extends Place {
  readonly kind: 'list';
  readonly elements: readonly Node[];
  /** Elements that are there if they have a value. */
  readonly optional: ReadonlySet<number>;
}
export interface Entry extends Place {
  readonly key: Node;
  readonly value: Node;
  readonly optional: boolean;
}
export interface MapLiteral extends Place {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
}
/** `Name{field: value}`; keys are constants. */
export interface Struct extends Place {
  readonly kind: 'struct';
  readonly name: string;
  readonly entries: readonly Entry[];
}
/** What macros become: `step` for each item of `range`, as long as `condition` holds; then `result`. */
export interface Fold extends Place {
  readonly kind: 'fold';
  readonly range: Node;
  readonly variable: string;
  readonly second?: string;
  readonly accumulator: string;
  readonly start: Node;
  readonly condition: Node;
  readonly step: Node;
  readonly result: Node;
}
export type Node = Const | Ident | Select | Call | List | MapLiteral | Struct | Fold;

/** Something is wrong with an expression, and where. */
export interface Problem {
  readonly at: number;
  readonly text: string;
}

export const childrenOf = (node: Node): readonly Node[] => {
  switch (node.kind) {
    case 'select':
      return [node.operand];
    case 'call':
      return node.target ? [node.target, ...node.args] : node.args;
    case 'list':
      return node.elements;
    case 'map':
    case 'struct':
      return node.entries.flatMap(({ key, value }) => [key, value]);
    case 'fold':
      return [node.range, node.start, node.condition, node.step, node.result];
    default:
      return [];
  }
};
