/** A kind such as operators define: nested objects, keyed lists, defaults, patterns, rules in CEL; and an object of it of about 2 KB. */

const group = 'bench.example.com';
const condition = {
  type: 'object',
  required: ['type', 'status'],
  properties: {
    type: { type: 'string', maxLength: 316 },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    reason: { type: 'string' },
    message: { type: 'string', maxLength: 32768 },
    lastTransitionTime: { type: 'string', format: 'date-time' },
  },
};
const listener = {
  type: 'object',
  required: ['name', 'port', 'protocol'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
    port: { type: 'integer', format: 'int32', minimum: 1, maximum: 65535 },
    protocol: { type: 'string', enum: ['HTTP', 'HTTPS', 'TCP'] },
    hostname: { type: 'string', maxLength: 253 },
    tls: {
      type: 'object',
      properties: {
        mode: { type: 'string', enum: ['Terminate', 'Passthrough'], default: 'Terminate' },
        secrets: { type: 'array', maxItems: 64, items: { type: 'string', maxLength: 253 }, 'x-kubernetes-list-type': 'set' },
      },
    },
    allowed: {
      type: 'object',
      default: { from: 'Same' },
      properties: {
        from: { type: 'string', enum: ['All', 'Same', 'Selector'], default: 'Same' },
        selector: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
  },
  'x-kubernetes-validations': [
    { rule: "self.protocol != 'HTTP' || !has(self.tls)", message: 'tls must not be set for HTTP' },
    { rule: "self.protocol == 'TCP' ? !has(self.hostname) : true", message: 'hostname must not be set for TCP' },
  ],
};
const container = {
  type: 'object',
  required: ['name', 'image'],
  properties: {
    name: { type: 'string' },
    image: { type: 'string' },
    pull: { type: 'string', enum: ['Always', 'IfNotPresent', 'Never'], default: 'IfNotPresent' },
    env: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, value: { type: 'string', default: '' } } },
    },
    resources: {
      type: 'object',
      properties: {
        limits: {
          type: 'object',
          additionalProperties: {
            'x-kubernetes-int-or-string': true,
            anyOf: [{ type: 'integer' }, { type: 'string' }],
            pattern:
              '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
          },
        },
      },
    },
  },
};

export const richDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `gateways.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'gateways', singular: 'gateway', kind: 'Gateway', listKind: 'GatewayList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [{ name: 'Class', type: 'string', jsonPath: '.spec.className' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['className', 'listeners'],
                properties: {
                  className: { type: 'string', minLength: 1, maxLength: 253 },
                  replicas: { type: 'integer', format: 'int32', minimum: 0, default: 1 },
                  listeners: {
                    type: 'array',
                    minItems: 1,
                    maxItems: 64,
                    items: listener,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    'x-kubernetes-validations': [
                      {
                        rule: 'self.all(a, self.exists_one(b, a.port == b.port && a.protocol == b.protocol))',
                        message: 'a port and protocol may be listened on once',
                      },
                    ],
                  },
                  containers: {
                    type: 'array',
                    maxItems: 16,
                    items: container,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                  },
                  labels: { type: 'object', additionalProperties: { type: 'string', maxLength: 63 } },
                  extra: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                },
                'x-kubernetes-validations': [
                  { rule: 'self.className == oldSelf.className', message: 'className cannot be changed' },
                  { rule: 'self.replicas <= 10', message: 'at most 10 replicas' },
                ],
              },
              status: {
                type: 'object',
                properties: {
                  conditions: {
                    type: 'array',
                    items: condition,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

export const richPath = (namespace: string): string => `/apis/${group}/v1/namespaces/${namespace}/gateways`;

export const rich = (name: string, value: number) => ({
  apiVersion: `${group}/v1`,
  kind: 'Gateway',
  metadata: { name, labels: { app: 'bench', tenth: String(value % 10) } },
  spec: {
    className: 'standard',
    listeners: Array.from({ length: 6 }, (_, i) => ({
      name: `listener-${i}`,
      port: 8000 + i,
      protocol: 'HTTPS',
      hostname: `host-${i}.example.com`,
      tls: { secrets: [`certificate-${i}`, `fallback-${i}`] },
    })),
    containers: Array.from({ length: 2 }, (_, i) => ({
      name: `proxy-${i}`,
      image: 'registry.example/proxy:1',
      env: Array.from({ length: 5 }, (_, at) => ({ name: `NAME_${at}`, value: `value ${at}` })),
      resources: { limits: { cpu: '100m', memory: '128Mi' } },
    })),
    labels: { part: 'edge', owner: 'team' },
    extra: { anything: { value, list: [1, 2, 3] } },
  },
});
