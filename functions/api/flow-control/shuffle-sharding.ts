/**
 * Which queues a flow may wait in: a hand of a few, dealt by its hash from the deck of all. Two flows seldom get the same hand, so one that fills
 * its own leaves others a free queue (apiserver `pkg/util/shufflesharding`).
 */
import { createHash } from 'node:crypto';

/** Of a flow: a FlowSchema and what it distinguishes within it. The same in every copy of the API and as upstream's. */
export const flowHash = (schema: string, distinguisher: string): bigint =>
  createHash('sha256').update(`${schema}\0${distinguisher}`).digest().readBigUInt64LE(0);

/** Different cards of `0..deckSize-1`; needs 1 <= handSize <= deckSize. */
export const deal = (hash: bigint, deckSize: number, handSize: number): number[] => {
  const hand: number[] = [];
  let rest = hash;
  for (let dealt = 0; dealt < handSize; dealt++) {
    const left = BigInt(deckSize - dealt);
    hand.push(Number(rest % left));
    rest /= left;
  }
  // Each is so far the place of a card among those not yet dealt.
  return hand.map((place, dealt) => {
    let card = place;
    for (let before = dealt - 1; before >= 0; before--) if (card >= (hand[before] ?? 0)) card++;
    return card;
  });
};
