export { documentPaths } from './documents.ts';
export { mergeV2, pathsBelow, type Swagger } from './merge-v2.ts';
export { openApiV2 } from './v2.ts';
export { encodeOpenApiV2, openApiV2Protobuf } from './v2-protobuf.ts';
export { openApiV3, openApiV3Index } from './v3.ts';
