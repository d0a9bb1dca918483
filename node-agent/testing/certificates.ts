import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** An authority with a server's and a client's certificate, made by openssl, as files in `dir`. */
export const makeCertificates = (dir: string): Record<'ca' | 'serverCert' | 'serverKey' | 'clientCert' | 'clientKey', string> => {
  const at = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...curve, '-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=test-ca');
  const issue = (name: string, subject: string) => {
    const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`), '-CA', at('ca.crt'), '-CAkey', at('ca.key')];
    openssl('req', '-x509', ...curve, ...files, '-subj', subject, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  };
  issue('server', '/CN=localhost');
  issue('client', '/O=system:nodes/CN=system:node:n1');
  return {
    ca: at('ca.crt'),
    serverCert: at('server.crt'),
    serverKey: at('server.key'),
    clientCert: at('client.crt'),
    clientKey: at('client.key'),
  };
};
