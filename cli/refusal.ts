/** Something about the surroundings or the call that stops a command: what is wrong in one sentence, and what to do about it. */
export class Refusal extends Error {
  readonly advice: string;
  constructor(sentence: string, advice: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = 'Refusal';
    this.advice = advice;
  }
}
