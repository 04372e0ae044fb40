// A certified OpenID Connect provider on loopback: node provider.mjs NODE_MODULES PORT REDIRECT_URI ID_TOKEN_SECONDS
// Whoever logs in as NAME is `sub-NAME`, with the address NAME@watch.example; `unverified-…` has it unverified.
import { pathToFileURL } from "node:url";

const [modules, port, redirect, seconds] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

const client = (client_id) => ({
  client_id,
  client_secret: "a secret between the two",
  redirect_uris: [redirect],
  response_types: ["code"],
  grant_types: ["authorization_code"],
  token_endpoint_auth_method: "client_secret_basic",
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client("standwatch"), client("another")],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  ttl: { IdToken: Number(seconds), AuthorizationCode: 60, AccessToken: 60, Interaction: 600, Session: 600, Grant: 600 },
  cookies: { keys: ["for cookies of this test"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      email: `${sub.replace(/^(sub|unverified)-/, "")}@watch.example`,
      email_verified: !sub.startsWith("unverified-"),
    }),
  }),
});

provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
