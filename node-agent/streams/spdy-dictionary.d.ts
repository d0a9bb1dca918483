declare module 'spdy-transport/lib/spdy-transport/protocol/spdy/dictionary.js' {
  /** The dictionaries that headers are compressed with, by version of the protocol. */
  const dictionary: Record<string, Buffer>;
  export default dictionary;
}
