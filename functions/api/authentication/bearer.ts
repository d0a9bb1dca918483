/**
 * `Authorization: Bearer TOKEN`, and the same in the protocol list of a browser's WebSocket. A token nobody accepts is refused; other schemes are
 * no credentials here. Source: apiserver `pkg/authentication/request/bearertoken` and `.../websocket`.
 */
import { unauthorized } from '../../../kinds/status.ts';
import type { ApiRequest, Authenticator, TokenVerdict, User } from '../types.ts';
import { anonymous, authenticated } from './authenticate.ts';

/** A verifier of bearer tokens of one kind. */
export interface TokenVerifier {
  /**
   * `audiences`: of which the token must be good for one. The answer says for which it is; a kind of token that knows no audiences leaves them out.
   * Undefined: not of this kind. Throws an Error with upstream's text for a token of this kind that is bad; the text is told only to who reviews it.
   */
  verify(
    token: string,
    audiences: readonly string[],
    warn: (text: string) => void,
  ): Promise<{ readonly user: User; readonly audiences?: readonly string[] } | undefined>;
}

export interface BearerTokens extends Authenticator {
  review(token: string, audiences: readonly string[]): Promise<TokenVerdict>;
}

const invalid = 'invalid bearer token';
const extraSpace = 'the provided Authorization header contains extra space before the bearer token, and is ignored';
const webSocketPrefix = 'base64url.bearer.authorization.k8s.io.';

/** `audience`: the API's own. */
export function bearerTokens(verifiers: readonly TokenVerifier[], audience: string): BearerTokens {
  const verdict = async (token: string, audiences: readonly string[], warn: (text: string) => void): Promise<TokenVerdict> => {
    const errors = [invalid];
    for (const verifier of verifiers) {
      try {
        const found = await verifier.verify(token, audiences, warn);
        const goodFor = found && (found.audiences ?? audiences.filter(one => one === audience));
        if (found && goodFor?.length) return { user: authenticated(found.user), audiences: goodFor };
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { error: errors.length > 1 ? `[${errors.join(', ')}]` : invalid };
  };

  return {
    async authenticate(request, _, warn) {
      const token = tokenOf(request.headers.get('authorization') ?? '', warn) ?? webSocketToken(request);
      if (token === undefined) return undefined;
      const found = await verdict(token, [audience], warn);
      if ('error' in found) throw unauthorized();
      return found.user;
    },

    async review(text, audiences) {
      const asked = audiences.length > 0 ? audiences : [audience];
      const token = tokenOf(`Bearer ${text}`, () => {});
      return token === undefined ? { user: anonymous, audiences: asked } : verdict(token, asked, () => {});
    },
  };
}

/** Undefined: the header holds none. */
const tokenOf = (header: string, warn: (text: string) => void): string | undefined => {
  const [scheme = '', token, ...rest] = header.trim().split(' ');
  if (token === undefined || scheme.toLowerCase() !== 'bearer') return undefined;
  if (token) return token;
  if (rest.length > 0) warn(extraSpace);
  return undefined;
};

/** Browsers can set no header of a WebSocket but its list of protocols. */
const webSocketToken = ({ headers }: ApiRequest): string | undefined => {
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return undefined;
  const protocols = (headers.get('sec-websocket-protocol') ?? '').split(',').map(one => one.trim());
  const encoded = protocols.find(one => one.startsWith(webSocketPrefix))?.slice(webSocketPrefix.length);
  return encoded ? Buffer.from(encoded, 'base64url').toString('utf8') : undefined;
};
