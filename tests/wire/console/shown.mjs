// What a resource server makes of a request, by a library of somebody else's: node shown.mjs NODE_MODULES ISSUER JWKS AUDIENCE
// Reads lines of JSON ({method, url, headers}); writes, for each, the claims or why it is refused.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modules, issuer, jwks_uri, audience] = process.argv.slice(2);
const oauth = await import(pathToFileURL(`${modules}/oauth4webapi/build/index.js`));

for await (const line of createInterface({ input: process.stdin })) {
  const { method, url, headers, bound } = JSON.parse(line);
  try {
    const request = new Request(url, { method, headers });
    const claims = await oauth.validateJwtAccessToken({ issuer, jwks_uri }, request, audience, {
      requireDPoP: bound,
      signingAlgorithms: ["EdDSA", "Ed25519", "RS256"],
      [oauth.allowInsecureRequests]: true,
    });
    console.log(JSON.stringify({ claims }));
  } catch (error) {
    console.log(JSON.stringify({ refused: `${error.message}` }));
  }
}
