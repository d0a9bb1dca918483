/**
 * What of a built-in kind goes where in its protobuf message: the Go shape of each field with its number, and the messages of
 * embedded structs, whose fields JSON has in the outer object. Built for each definition when something first needs it.
 */
import type { CompiledMessages } from '../schema/compiled.ts';
import { readMessages } from '../schema/data.ts';
import type { Shape, Struct } from '../schema/shape.ts';
import { shapeOfDefinition } from '../schema/shape.ts';

export interface MessageField {
  readonly name: string;
  readonly number: number;
  readonly shape: Shape;
}

export interface EmbeddedMessage {
  readonly number: number;
  readonly message: Message;
}

export class Message {
  readonly byNumber = new Map<number, MessageField>();
  readonly byName = new Map<string, MessageField>();
  readonly embedded: EmbeddedMessage[] = [];

  add(name: string, path: readonly number[], shape: Shape): void {
    const [number = 0, ...rest] = path;
    if (rest.length === 0) {
      const field = { name, number, shape };
      this.byNumber.set(number, field);
      this.byName.set(name, field);
      return;
    }
    let inner = this.embeddedAt(number);
    if (!inner) {
      inner = new Message();
      this.embedded.push({ number, message: inner });
    }
    inner.add(name, rest, shape);
  }

  embeddedAt(number: number): Message | undefined {
    return this.embedded.find(one => one.number === number)?.message;
  }
}

let table: CompiledMessages | undefined;
const messages = new WeakMap<Struct, Message>();

export const messageOf = (struct: Struct): Message => {
  let message = messages.get(struct);
  if (!message) {
    table ??= readMessages();
    message = new Message();
    const numbers = Object.hasOwn(table, struct.definition) ? table[struct.definition] : undefined;
    if (numbers)
      for (const { name, shape } of struct.fields.values()) {
        const path = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
        if (path !== undefined) message.add(name, typeof path === 'number' ? [path] : path, shape);
      }
    messages.set(struct, message);
  }
  return message;
};

/** The message of a definition; undefined where there is none (CustomResourceDefinitions, Tables). */
export const messageOfDefinition = (definition: string | undefined): Message | undefined => {
  const struct = shapeOfDefinition(definition)?.struct;
  if (!struct) return undefined;
  table ??= readMessages();
  return Object.hasOwn(table, struct.definition) ? messageOf(struct) : undefined;
};
