/** One valid object of every kind that can be written, rich enough that a random change lands somewhere of interest. */
import type { JsonObject } from '../../kinds/object.ts';

const labels = { app: 'web' };
const selector = { matchLabels: labels };
const podSpec: JsonObject = {
  containers: [
    {
      name: 'main',
      image: 'registry.example/app:1',
      command: ['serve'],
      env: [
        { name: 'A', value: '1' },
        { name: 'B', valueFrom: { configMapKeyRef: { name: 'a', key: 'b' } } },
      ],
      ports: [{ name: 'http', containerPort: 8080 }],
      resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
      readinessProbe: { httpGet: { path: '/', port: 'http' } },
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
      securityContext: { runAsNonRoot: true, runAsUser: 1000 },
    },
  ],
  initContainers: [{ name: 'first', image: 'registry.example/app:1' }],
  volumes: [
    { name: 'data', emptyDir: {} },
    { name: 'settings', configMap: { name: 'a', items: [{ key: 'b', path: 'c' }] } },
  ],
  tolerations: [{ key: 'only', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
      },
    },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 10, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: selector } },
      ],
    },
  },
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: selector }],
};
const template: JsonObject = { metadata: { labels }, spec: podSpec };
const once: JsonObject = { metadata: { labels }, spec: { ...podSpec, restartPolicy: 'Never' } };
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];
const subjects = [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }];
const webhooks = [
  {
    name: 'check.example.com',
    clientConfig: { url: 'https://127.0.0.1:1/check' },
    rules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    namespaceSelector: { matchLabels: { never: 'there' } },
  },
];
const matchConstraints = {
  resourceRules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
};

/** Of `CN=fuzz`, made once by openssl; its key is nowhere. */
const signingRequest =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISk1IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RVpuVjZlakJaTUJNR0J5cUdTTT' +
  'Q5QWdFR0NDcUdTTTQ5QXdFSApBMElBQkw5ajB6MDJwcTNaZlFVZHY5K1JpUENHR0lNMzlsVlRDYmk3c0FhL3ZJL0ttci95TkFpeDJXK0F3MWVj' +
  'CnBROE05bXh2bUxscGwzRFpod0FCOVV3aTJQbWdBREFLQmdncWhrak9QUVFEQWdOSUFEQkZBaUFTNHhzcXlZN0IKalpicWNzNnVIRXBUOWt5TE' +
  'o0MFZSTVBJWk5LdW1UVXlXUUloQU8yQTByWmJWY1ZqTGFOeXRGS2lmR0EyeUduNworMnNRdmxZVGtWOFVvRVl3Ci0tLS0tRU5EIENFUlRJRklD' +
  'QVRFIFJFUVVFU1QtLS0tLQo=';

/** By `group/version/resource` (no group: `v1/pods`), without `apiVersion`, `kind` and `metadata.name`; `NAMESPACE` is the one it will be in. */
export const seeds: Record<string, JsonObject> = {
  'v1/configmaps': { metadata: { labels, annotations: { note: 'x' } }, data: { a: '1', b: '2' }, binaryData: { c: 'AAAA' } },
  'v1/endpoints': { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ name: 'http', port: 80 }] }] },
  'v1/events': { involvedObject: { kind: 'Pod', namespace: 'NAMESPACE', name: 'a' }, reason: 'Seen', message: 'a pod', type: 'Normal' },
  'v1/limitranges': { spec: { limits: [{ type: 'PersistentVolumeClaim', max: { storage: '10Ti' }, min: { storage: '1' } }] } },
  'v1/namespaces': { metadata: { labels } },
  'v1/nodes': { metadata: { labels }, spec: { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] } },
  'v1/persistentvolumeclaims': {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'slow', selector },
  },
  'v1/persistentvolumes': {
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: '/data' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }] } },
    },
  },
  'v1/pods': { metadata: { labels }, spec: podSpec },
  'v1/podtemplates': { template },
  'v1/replicationcontrollers': { spec: { replicas: 1, selector: labels, template } },
  'v1/resourcequotas': { spec: { hard: { 'count/widgets.example.com': '5' } } },
  'v1/secrets': { type: 'Opaque', data: { a: 'MQ==' }, stringData: { b: '2' } },
  'v1/serviceaccounts': { secrets: [{ name: 'a' }], imagePullSecrets: [{ name: 'b' }] },
  'v1/services': { spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }], sessionAffinity: 'ClientIP' } },
  'admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': { webhooks },
  'admissionregistration.k8s.io/v1/validatingwebhookconfigurations': { webhooks },
  'admissionregistration.k8s.io/v1/validatingadmissionpolicies': {
    spec: { matchConstraints, validations: [{ expression: 'object.spec.size < 5', message: 'too large' }] },
  },
  'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings': {
    spec: { policyName: 'not-there', validationActions: ['Deny'], matchResources: { namespaceSelector: selector } },
  },
  'admissionregistration.k8s.io/v1/mutatingadmissionpolicies': {
    spec: {
      matchConstraints,
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "add", path: "/spec/a", value: "b"}]' } }],
    },
  },
  'admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings': { spec: { policyName: 'not-there' } },
  'apiregistration.k8s.io/v1/apiservices': {
    spec: {
      group: 'fuzz.example.com',
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 10,
      service: { namespace: 'default', name: 'ext', port: 443 },
      insecureSkipTLSVerify: true,
    },
  },
  'apps/v1/controllerrevisions': { data: { a: { b: [1, 'c'] } }, revision: 1 },
  'apps/v1/daemonsets': { spec: { selector, template, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } } },
  'apps/v1/deployments': {
    spec: { replicas: 2, selector, template, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } } },
  },
  'apps/v1/replicasets': { spec: { replicas: 1, selector, template } },
  'apps/v1/statefulsets': {
    spec: {
      serviceName: 'web',
      replicas: 1,
      selector,
      template,
      volumeClaimTemplates: [
        { metadata: { name: 'disk' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      ],
    },
  },
  'authorization.k8s.io/v1/localsubjectaccessreviews': {
    spec: { user: 'jane', resourceAttributes: { namespace: 'NAMESPACE', verb: 'get', resource: 'pods' } },
  },
  'authorization.k8s.io/v1/selfsubjectaccessreviews': { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } },
  'authorization.k8s.io/v1/selfsubjectrulesreviews': { spec: { namespace: 'default' } },
  'authorization.k8s.io/v1/subjectaccessreviews': {
    spec: { user: 'jane', groups: ['a'], nonResourceAttributes: { path: '/x', verb: 'get' } },
  },
  'authentication.k8s.io/v1/selfsubjectreviews': {},
  'authentication.k8s.io/v1/tokenreviews': { spec: { token: 'not-one' } },
  'autoscaling/v1/horizontalpodautoscalers': {
    spec: { maxReplicas: 3, minReplicas: 1, scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' } },
  },
  'autoscaling/v2/horizontalpodautoscalers': {
    spec: {
      maxReplicas: 3,
      scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }],
      behavior: { scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } },
    },
  },
  'batch/v1/cronjobs': { spec: { schedule: '*/5 * * * *', timeZone: 'Etc/UTC', jobTemplate: { spec: { template: once } } } },
  'batch/v1/jobs': { spec: { completions: 2, parallelism: 1, backoffLimit: 3, template: once } },
  'certificates.k8s.io/v1/certificatesigningrequests': {
    spec: { signerName: 'example.com/signer', usages: ['client auth'], expirationSeconds: 3600, request: signingRequest },
  },
  'coordination.k8s.io/v1/leases': { spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2030-01-01T00:00:00.000000Z' } },
  'discovery.k8s.io/v1/endpointslices': {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true }, zone: 'a' }],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  },
  'events.k8s.io/v1/events': {
    eventTime: '2030-01-01T00:00:00.000000Z',
    action: 'Look',
    reason: 'Seen',
    regarding: { kind: 'Pod', namespace: 'NAMESPACE', name: 'a' },
    reportingController: 'example.com/watcher',
    reportingInstance: 'one',
    type: 'Normal',
  },
  'flowcontrol.apiserver.k8s.io/v1/flowschemas': {
    spec: {
      matchingPrecedence: 9000,
      priorityLevelConfiguration: { name: 'workload-low' },
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: 'jane' } }],
          resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['*'] }],
        },
      ],
    },
  },
  'flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations': {
    spec: {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Queue', queuing: { queues: 8, handSize: 2, queueLengthLimit: 10 } } },
    },
  },
  'networking.k8s.io/v1/ingressclasses': { spec: { controller: 'example.com/ingress' } },
  'networking.k8s.io/v1/ingresses': {
    spec: {
      ingressClassName: 'a',
      tls: [{ hosts: ['a.example.com'], secretName: 'b' }],
      rules: [
        {
          host: 'a.example.com',
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] },
        },
      ],
    },
  },
  'networking.k8s.io/v1/networkpolicies': {
    spec: {
      podSelector: selector,
      policyTypes: ['Ingress'],
      ingress: [
        { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ protocol: 'TCP', port: 80, endPort: 90 }] },
      ],
    },
  },
  'networking.k8s.io/v1/servicecidrs': { spec: { cidrs: ['10.200.0.0/24'] } },
  'node.k8s.io/v1/runtimeclasses': { handler: 'fast', overhead: { podFixed: { cpu: '10m' } }, scheduling: { nodeSelector: { a: 'b' } } },
  'policy/v1/poddisruptionbudgets': { spec: { minAvailable: 1, selector } },
  'rbac.authorization.k8s.io/v1/clusterroles': { rules, aggregationRule: { clusterRoleSelectors: [selector] } },
  'rbac.authorization.k8s.io/v1/clusterrolebindings': {
    subjects,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
  },
  'rbac.authorization.k8s.io/v1/roles': { rules },
  'rbac.authorization.k8s.io/v1/rolebindings': { subjects, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' } },
  'resource.k8s.io/v1/deviceclasses': { spec: { selectors: [{ cel: { expression: 'device.driver == "gpu.example.com"' } }] } },
  'resource.k8s.io/v1/resourceclaims': {
    spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu.example.com' } }] } },
  },
  'resource.k8s.io/v1/resourceclaimtemplates': {
    spec: { spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu.example.com' } }] } } },
  },
  'resource.k8s.io/v1/resourceslices': {
    spec: {
      driver: 'gpu.example.com',
      nodeName: 'one',
      pool: { name: 'a', generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'gpu-0', attributes: { model: { string: 'x' } }, capacity: { memory: { value: '16Gi' } } }],
    },
  },
  'scheduling.k8s.io/v1/priorityclasses': { value: 1000, description: 'some' },
  'storage.k8s.io/v1/csidrivers': { spec: { attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: ['Persistent'] } },
  'storage.k8s.io/v1/csinodes': {
    spec: { drivers: [{ name: 'disk.example.com', nodeID: 'one', topologyKeys: ['zone'], allocatable: { count: 5 } }] },
  },
  'storage.k8s.io/v1/csistoragecapacities': { storageClassName: 'slow', capacity: '10Gi', nodeTopology: selector },
  'storage.k8s.io/v1/storageclasses': {
    provisioner: 'disk.example.com',
    parameters: { a: 'b' },
    volumeBindingMode: 'WaitForFirstConsumer',
    allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['a'] }] }],
  },
  'storage.k8s.io/v1/volumeattachments': { spec: { attacher: 'disk.example.com', nodeName: 'one', source: { persistentVolumeName: 'a' } } },
  'storage.k8s.io/v1/volumeattributesclasses': { driverName: 'disk.example.com', parameters: { a: 'b' } },
};
