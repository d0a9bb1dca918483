/** Durations and ages as tables show them (apimachinery `pkg/util/duration`, kubernetes `pkg/printers/internalversion`). */

const unit = (whole: number, rest: number, names: readonly [string, string]): string =>
  rest === 0 ? `${whole}${names[0]}` : `${whole}${names[0]}${rest}${names[1]}`;

/** Two or three digits of precision, whatever the length: `45s`, `5m30s`, `3h`, `2d4h`, `400d`, `3y12d`. */
export const humanDuration = (ms: number): string => {
  const seconds = Math.trunc(ms / 1000);
  // Clocks of two machines may differ by a second or two: that is still now.
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return unit(minutes, seconds % 60, ['m', 's']);
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return unit(hours, minutes % 60, ['h', 'm']);
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (days < 8) return unit(days, hours % 24, ['d', 'h']);
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? unit(years, days % 365, ['y', 'd']) : `${years}y`;
};

/** How long ago `timestamp` (RFC 3339) was; `<unknown>` where there is none. */
export const age = (timestamp: string | null | undefined, now: number): string => {
  const at = timestamp ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(at) ? '<unknown>' : humanDuration(now - at);
};
