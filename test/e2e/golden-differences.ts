/** Recorded scenarios that we answer otherwise than upstream, each with the reason; `text` where nothing but the words differ. */
export const differences: Readonly<Record<string, { readonly text: boolean; readonly why: string }>> = {};
