/**
 * A document of an extension API server that is asked for when somebody needs it, and remembered for a while. One question at a time; a
 * document that its server says is unchanged stays the same value, so that what was made of it stays true.
 */
import type { Clock } from '../../../kinds/environment.ts';
import type { Extension } from '../../extensions.ts';
import type { ExtensionAnswer } from './ask-extension.ts';

export interface Learned<T> {
  /** Undefined: nothing was ever learned. */
  readonly value: T | undefined;
  /** The last question was answered. */
  readonly current: boolean;
}

interface Memory<T> {
  value?: T;
  etag: string;
  current: boolean;
  at: number;
  asking?: Promise<void>;
}

/** After an answer, and after none. */
const refreshAfter = 30_000;
const retryAfter = 5000;

export class Remembered<T> {
  readonly #clock: Clock;
  readonly #ask: (extension: Extension, etag: string) => Promise<ExtensionAnswer>;
  readonly #read: (answer: ExtensionAnswer) => T;
  readonly #memories = new Map<string, Memory<T>>();

  /** `read` throws for an answer that is none; it is not called for "not modified". */
  constructor(clock: Clock, ask: (extension: Extension, etag: string) => Promise<ExtensionAnswer>, read: (answer: ExtensionAnswer) => T) {
    this.#clock = clock;
    this.#ask = ask;
    this.#read = read;
  }

  /** Never rejects. `key`: whose document it is; several extensions may share one. */
  async learn(key: string, extension: Extension): Promise<Learned<T>> {
    const memory = this.#memories.get(key) ?? { etag: '', current: false, at: Number.NEGATIVE_INFINITY };
    this.#memories.set(key, memory);
    if (this.#isOld(memory, extension)) {
      memory.asking ??= this.#refresh(memory, extension).finally(() => delete memory.asking);
      await memory.asking;
    }
    return { value: memory.value, current: memory.current };
  }

  /** What was last learned, without asking. */
  recall(key: string): T | undefined {
    return this.#memories.get(key)?.value;
  }

  /** Those of extensions that are no more. */
  forgetOthers(keys: ReadonlySet<string>): void {
    for (const key of this.#memories.keys()) if (!keys.has(key)) this.#memories.delete(key);
  }

  #isOld({ at, current }: Memory<T>, { since }: Extension): boolean {
    return at < since || this.#clock.now() - at >= (current ? refreshAfter : retryAfter);
  }

  async #refresh(memory: Memory<T>, extension: Extension): Promise<void> {
    // From before the question: a change that comes while it is under way makes the answer old.
    memory.at = this.#clock.now();
    try {
      const answer = await this.#ask(extension, memory.value === undefined ? '' : memory.etag);
      if (answer.status !== 304) {
        memory.value = this.#read(answer);
        memory.etag = [answer.headers['etag'] ?? ''].flat()[0] ?? '';
      }
      memory.current = true;
    } catch {
      // Whoever looks at availability says why.
      memory.current = false;
    }
  }
}
