/** How long ago something was, as short as tables show it (apimachinery `pkg/util/duration/duration.go`). */
import type { KubeObject } from '../object.ts';

/** `ms` may be slightly negative: clocks differ. */
export const humanDuration = (ms: number): string => {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (days < 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  if (years < 8 && days % 365 !== 0) return `${years}y${days % 365}d`;
  return `${years}y`;
};

/** The time since an RFC 3339 timestamp. */
export const since = (timestamp: string | null | undefined, now: number): string =>
  timestamp ? humanDuration(now - Date.parse(timestamp)) : '<unknown>';

export const age = (object: KubeObject, now: number): string => since(object.metadata.creationTimestamp, now);
