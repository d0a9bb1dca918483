import { expect, test } from '@jest/globals';
import { cronProblem, parseCron } from './cron.ts';

test.each(['* * * * *', '*/5 0-23/2 1,15 jan-jun mon', '0 0 ? * SUN', '@daily', '@every 1h30m', 'TZ=UTC 0 0 * * *'])(
  '%s is a schedule',
  text => {
    expect(cronProblem(text)).toBeUndefined();
  },
);
test.each([
  ['', 'empty spec string'],
  ['often', 'expected exactly 5 fields, found 1: [often]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['@often', 'unrecognized descriptor: @often'],
  ['@__proto__', 'unrecognized descriptor: @__proto__'],
  ['@every day', 'failed to parse duration @every day: time: invalid duration "day"'],
])('%s is none', (text, problem) => {
  expect(cronProblem(text)).toBe(problem);
});
test('what a field admits', () => {
  const schedule = parseCron('10-20/5 * 1 * sat,sun');
  if ('every' in schedule) throw new Error('five fields make no interval');
  expect([...schedule.minute.values]).toEqual([10, 15, 20]);
  expect([...schedule.dayOfWeek.values]).toEqual([6, 0]);
  expect(schedule.hour.any).toBe(true);
  expect(schedule.dayOfMonth.any).toBe(false);
  expect(parseCron('@every 90m')).toEqual({ every: 5_400_000 });
});
