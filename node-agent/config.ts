import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const taint = z.object({
  key: z.string().min(1),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

export const agentConfig = z.strictObject({
  nodeName: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a DNS name in lower case'),
  /** Tells the clusters apart whose nodes share one Docker Engine. */
  clusterName: z.string().min(1),
  /** URL of the API server. */
  server: z.url(),
  /** The API's authority, and this node's client certificate (`system:node:NAME`, group `system:nodes`). */
  caFile: z.string(),
  certFile: z.string(),
  keyFile: z.string(),
  /** Where logs, exec, attach and port-forward are served, to clients with a certificate of `clientCaFile`. */
  listen: z.strictObject({
    host: z.string(),
    port: z.number().int().min(0).max(65_535),
    certFile: z.string(),
    keyFile: z.string(),
    clientCaFile: z.string(),
  }),
  podCidr: z.cidrv4(),
  serviceCidr: z.cidrv4(),
  clusterDns: z.ipv4(),
  clusterDomain: z.string().min(1),
  dataDir: z.string().min(1),
  dockerSocket: z.string().min(1),
  labels: z.record(z.string(), z.string()).default({}),
  taints: z.array(taint).default([]),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).optional(),
});

export type AgentConfig = z.input<typeof agentConfig>;
export type ResolvedConfig = z.output<typeof agentConfig>;

/** The configuration in a JSON file; fails with one line that says what is wrong with it. */
export const readConfig = async (path: string): Promise<ResolvedConfig> => {
  const text = await readFile(path, 'utf8');
  const parsed = agentConfig.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${path}: ${issue?.path.join('.') || 'the configuration'}: ${issue?.message ?? 'is not valid'}`);
};
