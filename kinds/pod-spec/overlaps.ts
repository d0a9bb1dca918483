/** Files of one volume that hide each other. */
import { quote } from '../field.ts';
import type { Volume, VolumeProjection } from './types.ts';

interface Place {
  readonly path: string;
  readonly source: string;
}
const shown = ({ path, source }: Place): string => (source ? `${quote(path)} (${source})` : quote(path));
const trimmed = (path: string): string => {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return path.slice(0, end);
};
/** One is the other, or a folder above it. */
const collide = (one: string, other: string): boolean =>
  one !== '' && other !== '' && (`${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`));

const collisions = (places: readonly Place[], known: Place[]): string[] => {
  const found: string[] = [];
  for (const place of places) {
    const current = { ...place, path: trimmed(place.path) };
    for (const other of known) if (collide(current.path, other.path)) found.push(`${shown(current)} with ${shown(other)}`);
    known.push(current);
  }
  return found;
};
const placesOf = (items: readonly { path: string }[] | undefined, source = ''): Place[] =>
  (items ?? []).map(item => ({ path: item.path ?? '', source }));
const projectedPlaces = (source: VolumeProjection): Place[] => {
  if (source.configMap?.items) return placesOf(source.configMap.items, `ConfigMap ${quote(source.configMap.name ?? '')}`);
  if (source.secret?.items) return placesOf(source.secret.items, `Secret ${quote(source.secret.name ?? '')}`);
  if (source.downwardAPI?.items) return placesOf(source.downwardAPI.items, 'DownwardAPI');
  return source.serviceAccountToken ? [{ path: source.serviceAccountToken.path, source: 'ServiceAccountToken' }] : [];
};

/** Comparing all files with all others is quadratic: beyond this many, nobody reads the warnings. */
const mostFiles = 500;
export const overlapWarnings = (volumes: readonly Volume[] | undefined): string[] => {
  const out: string[] = [];
  for (const { name, configMap, secret, downwardAPI, projected } of volumes ?? []) {
    const report = (what: string, places: readonly Place[], known: Place[] = []) => {
      if (places.length + known.length > mostFiles) return;
      for (const text of collisions(places, known)) out.push(`volume ${quote(name)} (${what}): overlapping paths: ${text}`);
    };
    if (configMap?.items) report(`ConfigMap ${quote(configMap.name ?? '')}`, placesOf(configMap.items));
    if (secret?.items) report(`Secret ${quote(secret.secretName ?? '')}`, placesOf(secret.items));
    if (downwardAPI?.items) report('DownwardAPI', placesOf(downwardAPI.items));
    const known: Place[] = [];
    for (const source of projected?.sources ?? []) {
      if (Object.keys(source).length === 0) out.push(`volume ${quote(name)} (Projected) has no sources provided`);
      else report('Projected', projectedPlaces(source), known);
    }
  }
  return out;
};
