export { decodeProtobuf, statedApiVersion } from './decode.ts';
