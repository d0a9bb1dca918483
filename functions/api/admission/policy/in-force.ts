/** Policies that a binding puts in force, kept until a policy or binding changes. */
import type { Clock } from '../../../../kinds/environment.ts';
import type { KubeObject } from '../../../../kinds/object.ts';
import type { Registry } from '../../../../kinds/resource.ts';
import type { Replica, Replicas } from '../../../../store/replica.ts';
import type { Authorizer } from '../../types.ts';

/** How stale policies may be where no subscription keeps the replicas current (ms). */
const staleness = 1000;

/** What plugins of policies are made of. */
export interface PolicyDependencies {
  readonly replicas: Replicas;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Answers expressions that ask it. */
  readonly authorizer?: Authorizer | undefined;
}

export interface Hook<Policy, Binding, Expressions> {
  readonly policy: Policy;
  readonly bindings: readonly Binding[];
  /** Compiled when the policy matches for the first time. */
  readonly expressions: () => Expressions;
}

export interface PolicySource<Policy, Expressions> {
  readonly replicas: Replicas;
  readonly clock: Clock;
  /** The store's names of both. */
  readonly policies: string;
  readonly bindings: string;
  compile(policy: Policy): Expressions;
}

/** In the order of the policies' names. */
export const policiesInForce = <Policy extends KubeObject, Binding extends KubeObject & { spec?: { policyName?: string } }, Expressions>(
  source: PolicySource<Policy, Expressions>,
): (() => Promise<readonly Hook<Policy, Binding, Expressions>[]>) => {
  const { replicas, clock, compile } = source;
  let hooks: readonly Hook<Policy, Binding, Expressions>[] | undefined;
  let synced = 0;
  let opening: Promise<readonly [Replica, Replica]> | undefined;

  const open = async (): Promise<readonly [Replica, Replica]> => {
    const both = await Promise.all([replicas.open(source.policies), replicas.open(source.bindings)]);
    for (const replica of both)
      replica.subscribe(() => {
        hooks = undefined;
      });
    return both;
  };
  const hookOf = (policy: Policy, bindings: readonly Binding[]): Hook<Policy, Binding, Expressions> => {
    let made: Expressions | undefined;
    return {
      policy,
      bindings,
      expressions: () => {
        made ??= compile(policy);
        return made;
      },
    };
  };

  return async () => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    const [policies, bindings] = await opening;
    if (clock.now() - synced >= staleness) {
      synced = clock.now();
      await Promise.all([policies.sync(), bindings.sync()]);
    }
    if (!hooks) {
      const all = bindings.list().map(({ object }) => object as Binding);
      hooks = policies.list().flatMap(({ object }) => {
        const own = all.filter(({ spec }) => spec?.policyName === object.metadata.name);
        return own.length > 0 ? [hookOf(object as Policy, own)] : [];
      });
    }
    return hooks;
  };
};
