import { expect, test } from '@jest/globals';
import { rewriteHtml, rewriteLink } from './links.ts';

const passage = { prefix: '/api/v1/namespaces/n/pods/p/proxy', backend: '10.0.0.1:80', host: 'api.example:6443' };
const through = '/api/v1/namespaces/n/pods/p/proxy';

test.each([
  ['/a', `${through}/a`],
  ['/a/', `${through}/a/`],
  ['/a/../b?x=1#f', `${through}/b?x=1#f`],
  ['http://10.0.0.1:80/a', `${through}/a`],
  ['http://api.example:6443/a', `http://api.example:6443${through}/a`],
  [`${through}/already`, `${through}/already`],
  ['a/b', 'a/b'],
  ['?only=query', '?only=query'],
  ['http://elsewhere.example/a', 'http://elsewhere.example/a'],
  ['mailto:somebody@example.com', 'mailto:somebody@example.com'],
])('a link to %s becomes %s', (link, expected) => expect(rewriteLink(link, passage)).toBe(expected));

test.each([
  ['<a href="/x">y</a>', `<a href="${through}/x">y</a>`],
  ["<IMG SRC='/i.png' alt=\"a'b\">", `<img src="${through}/i.png" alt="a&#39;b">`],
  ['<br/><img src=/i />', `<br/><img src="${through}/i"/>`],
  ['<a href="/q?a=1&amp;b=2">', `<a href="${through}/q?a=1&amp;b=2">`],
  ['<a title="&copy; us" href="rel">', '<a title="&copy; us" href="rel">'],
  ['<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->'],
  ['<script src="/s.js">if (a<b) "<a href=\'/x\'>"</script>', `<script src="${through}/s.js">if (a<b) "<a href='/x'>"</script>`],
  ['<!DOCTYPE html><p>1 < 2</p>', '<!DOCTYPE html><p>1 < 2</p>'],
  ['<a href="/x', '<a href="/x'],
  ['<input disabled formaction="/f">', `<input disabled="" formaction="${through}/f">`],
])('HTML %s becomes %s', (html, expected) => expect(rewriteHtml(html, passage)).toBe(expected));

test('a page made to be slow is read in one pass', () => {
  const page = `${'<script></script>'.repeat(20_000)}${'<a '.repeat(200_000)}`;
  expect(rewriteHtml(page, passage) === page).toBe(true);
});
