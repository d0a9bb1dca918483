/** Objects for tests, said briefly: `aPod('web-1').on('n1').requesting({ cpu: '1' }).ready()`. */
import type { KubeObject, OwnerReference } from '../../../kinds/object.ts';
import type { Container, Deployment, Node, Pod, PodSpec, ReplicaSet, Service, Taint, Toleration } from '../../../kinds/types.ts';

/** An object with methods that return a changed copy. */
const meta = (name: string, namespace = 'default') => ({ name, namespace });

export const aPod = (name = 'p', namespace = 'default') =>
  new PodBuilder({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, namespace),
    spec: { containers: [{ name: 'c', image: 'image' }], schedulerName: 'default-scheduler' } as PodSpec,
    status: { phase: 'Pending' },
  });

export class PodBuilder {
  readonly #pod: Pod;
  constructor(pod: Pod) {
    this.#pod = pod;
  }
  #with(change: (pod: Pod & { spec: PodSpec }) => void): PodBuilder {
    const next = structuredClone(this.#pod) as Pod & { spec: PodSpec };
    change(next);
    return new PodBuilder(next);
  }
  on(node: string): PodBuilder {
    return this.#with(pod => {
      pod.spec.nodeName = node;
    });
  }
  labeled(labels: Record<string, string>): PodBuilder {
    return this.#with(pod => {
      pod.metadata.labels = { ...pod.metadata.labels, ...labels };
    });
  }
  ownedBy(owner: KubeObject, controller = true): PodBuilder {
    return this.#with(pod => {
      pod.metadata.ownerReferences = [reference(owner, controller)];
    });
  }
  requesting(requests: Record<string, string>): PodBuilder {
    return this.#with(pod => {
      const [first] = pod.spec.containers;
      if (first) first.resources = { requests };
    });
  }
  hostPort(port: number): PodBuilder {
    return this.#with(pod => {
      const [first] = pod.spec.containers;
      if (first) first.ports = [{ containerPort: port, hostPort: port, protocol: 'TCP' }];
    });
  }
  initContainer(container: Partial<Container>): PodBuilder {
    return this.#with(pod => {
      pod.spec.initContainers = [...(pod.spec.initContainers ?? []), { name: 'i', ...container }];
    });
  }
  tolerating(toleration: Toleration): PodBuilder {
    return this.#with(pod => {
      pod.spec.tolerations = [...(pod.spec.tolerations ?? []), toleration];
    });
  }
  spec(change: Partial<PodSpec>): PodBuilder {
    return this.#with(pod => {
      Object.assign(pod.spec, change);
    });
  }
  phase(phase: string): PodBuilder {
    return this.#with(pod => {
      pod.status = { ...pod.status, phase };
    });
  }
  ready(since = '2030-01-01T00:00:00Z', ip = '10.0.0.1'): PodBuilder {
    return this.#with(pod => {
      pod.status = {
        ...pod.status,
        phase: 'Running',
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }],
      };
    });
  }
  created(at: string): PodBuilder {
    return this.#with(pod => {
      pod.metadata.creationTimestamp = at;
    });
  }
  build(): Pod {
    return structuredClone(this.#pod);
  }
}

export const reference = (owner: KubeObject, controller = true): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid ?? '',
  ...(controller ? { controller: true, blockOwnerDeletion: true } : {}),
});

export interface NodeExtras {
  labels?: Record<string, string>;
  taints?: Taint[];
  unschedulable?: boolean;
  allocatable?: Record<string, string>;
}
export const aNode = (name: string, { labels, taints, unschedulable, allocatable }: NodeExtras = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
  spec: { ...(taints ? { taints } : {}), ...(unschedulable ? { unschedulable } : {}) },
  status: {
    allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable },
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastTransitionTime: '2030-01-01T00:00:00Z' }],
  },
});

const template = (labels: Record<string, string>, image: string) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image }], schedulerName: 'default-scheduler' } as PodSpec,
});

export const aDeployment = (name: string, replicas: number, spec: Partial<NonNullable<Deployment['spec']>> = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: meta(name),
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: template({ app: name }, 'image:1'),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' as never, maxUnavailable: '25%' as never } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
  },
});

export const aReplicaSet = (name: string, replicas: number, spec: Partial<NonNullable<ReplicaSet['spec']>> = {}): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: meta(name),
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template({ app: name }, 'image:1'), ...spec },
});

export const aConfigMap = (name: string, namespace = 'default', owners: OwnerReference[] = []): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { ...meta(name, namespace), ...(owners.length > 0 ? { ownerReferences: owners } : {}) },
});

export const aNamespace = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
});

export const aService = (name: string, spec: Partial<NonNullable<Service['spec']>> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name),
  spec: {
    clusterIP: '10.96.0.10',
    ipFamilies: ['IPv4'],
    selector: { app: name },
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 as never }],
    ...spec,
  },
});

export const aLease = (node: string, renewTime: string): KubeObject => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: meta(node, 'kube-node-lease'),
  spec: { holderIdentity: node, renewTime },
});
