/** Who may know whom: each room imports only the rooms it may know, and cloud SDKs only in files named for them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { parseSync } from '@swc/core';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Rooms by folder, the more exact name first. */
const rooms = [
  'functions/api',
  'functions/controller',
  'functions/scheduler',
  'functions',
  'kinds',
  'store',
  'node-agent',
  'cli',
  'infra',
  'examples',
];
const mayKnow: Record<string, readonly string[]> = {
  kinds: [],
  store: ['kinds'],
  functions: ['kinds', 'store'],
  'functions/api': ['kinds', 'store', 'functions'],
  'functions/controller': ['kinds', 'store', 'functions'],
  'functions/scheduler': ['kinds', 'store', 'functions', 'functions/controller'],
  'node-agent': ['kinds'],
  cli: ['kinds', 'store', 'functions', 'functions/api', 'functions/controller', 'functions/scheduler', 'node-agent'],
  infra: ['kinds', 'store', 'functions', 'functions/api', 'functions/controller', 'functions/scheduler'],
  examples: [],
};
const cloudFiles = /(^|\/)(dynamodb|lambda|ec2|ssm|s3|sqs|kms|sts)[^/]*\.ts$|^infra\//;

interface Import {
  readonly file: string;
  readonly source: string;
}

function* sources(dir: string): Iterable<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) yield path;
  }
}

const roomOf = (path: string): string | undefined => rooms.find(room => path.startsWith(`${room}/`));

const imports: Import[] = Object.keys(mayKnow)
  .filter(room => !room.includes('/'))
  .flatMap(room => [...sources(join(root, room))])
  .flatMap(path => {
    const { body } = parseSync(readFileSync(path, 'utf8'), { syntax: 'typescript' });
    return body.flatMap(item => {
      const source =
        'source' in item && item.source && typeof item.source === 'object' && 'value' in item.source
          ? String(item.source.value)
          : undefined;
      return source === undefined ? [] : [{ file: relative(root, path), source }];
    });
  });

/** Test fakes of a room stand in folders of their own and may reach wider. */
const inTests = (file: string): boolean => /\/testing(\/|\.ts$)/.test(file);

test('there is something to check', () => {
  expect(imports.length).toBeGreaterThan(300);
});

test('rooms know only the rooms they may know', () => {
  const wrong = imports
    .filter(({ file, source }) => source.startsWith('.') && !inTests(file))
    .filter(({ file, source }) => {
      const from = roomOf(file);
      const to = roomOf(relative(root, join(root, dirname(file), source)));
      return from !== undefined && to !== undefined && from !== to && !mayKnow[from]?.includes(to);
    });
  expect(wrong).toEqual([]);
});

test('cloud SDKs are imported only in files named for them', () => {
  const wrong = imports.filter(
    ({ file, source }) => /^(@aws-sdk\/|@aws-lambda-powertools\/|aws-cdk-lib|aws-lambda)/.test(source) && !cloudFiles.test(file),
  );
  expect(wrong).toEqual([]);
});

test('the pure rooms do no I/O', () => {
  const allowed = new Set(['kinds/schema/compile.ts', 'kinds/schema/declarations.ts', 'kinds/schema/data.ts', 'kinds/schema/formats.ts']);
  const wrong = imports.filter(
    ({ file, source }) =>
      file.startsWith('kinds/') && !allowed.has(file) && /^node:(fs|net|http|https|tls|child_process|dgram)/.test(source),
  );
  expect(wrong).toEqual([]);
});

test('relative imports name the file they mean', () => {
  expect(imports.filter(({ source }) => source.startsWith('.') && !/\.(ts|json|mjs)$/.test(source))).toEqual([]);
});
