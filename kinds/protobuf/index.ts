export { decodeProtobuf, statedApiVersion } from './decode.ts';
export { encodeList, encodeMessage, encodeObject, encodePartialList, watchFrame } from './encode.ts';
export { sealEnvelope } from './envelope.ts';
