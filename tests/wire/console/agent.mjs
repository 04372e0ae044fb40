// An agent whose token is bound to a key, by a library of somebody else's: node agent.mjs NODE_MODULES
// Writes the thumbprints of two keys, ES256 and Ed25519. Then reads lines of JSON ({key, token, method, url, headers,
// body, dpop}) and writes what came back. `dpop`: a proof of its own is sent instead of one made for the request.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modules] = process.argv.slice(2);
const oauth = await import(pathToFileURL(`${modules}/oauth4webapi/build/index.js`));
const keys = {
  ES256: await oauth.generateKeyPair("ES256", { extractable: true }),
  Ed25519: await oauth.generateKeyPair("Ed25519", { extractable: true }),
};
const client = { client_id: "agent" };
const handles = {};
const thumbs = {};
for (const [name, pair] of Object.entries(keys)) {
  handles[name] = oauth.DPoP(client, pair);
  thumbs[name] = await handles[name].calculateThumbprint();
}
console.log(JSON.stringify(thumbs));

for await (const line of createInterface({ input: process.stdin })) {
  const { key, token, method, url, headers, body } = JSON.parse(line);
  let sent = "";
  const options = {
    DPoP: handles[key],
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: (target, init) => {
      sent = new Headers(init.headers).get("dpop");
      return fetch(target, init);
    },
  };
  try {
    const response = await oauth.protectedResourceRequest(token, method, new URL(url), new Headers(headers), body, options);
    console.log(JSON.stringify({ status: response.status, body: await response.text(), proof: sent }));
  } catch (error) {
    const status = error.response?.status ?? error.status ?? 0;
    console.log(JSON.stringify({ status, error: `${error.code}: ${error.message}`, proof: sent }));
  }
}
