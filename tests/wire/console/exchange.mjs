// An authorisation server with token exchange (RFC 8693) on loopback: node exchange.mjs NODE_MODULES PORT JWKS_URL ISSUER
// The certified provider does everything but the grant itself, which RFC 8693 leaves to whoever runs it: it reads the
// token that is exchanged with `jose`, and gives an access token for `resource`, bound to the key of the DPoP proof.
// Each line on stdout after the first is what one exchange was asked with.
import { randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";

const [modules, port, jwks, from] = process.argv.slice(2);
const library = (name) => import(pathToFileURL(`${modules}/${name}`));
const { default: Provider } = await library("oidc-provider/lib/index.js");
const { default: validateDpop } = await library("oidc-provider/lib/helpers/validate_dpop.js");
const jose = await library("jose/dist/webapi/index.js");

const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const issuer = `http://127.0.0.1:${port}`;
const client = (client_id, more) => ({
  client_id,
  redirect_uris: [],
  response_types: [],
  grant_types: [GRANT],
  ...more,
});
const keys = await (await fetch(jwks)).json();

const provider = new Provider(issuer, {
  clients: [
    client("standwatch", { client_secret: "a secret: of two", token_endpoint_auth_method: "client_secret_basic" }),
    client("by-key", { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "EdDSA", jwks: keys }),
  ],
  scopes: ["payments"],
  clientAuthMethods: ["client_secret_basic", "private_key_jwt"],
  enabledJWA: { clientAuthSigningAlgValues: ["EdDSA", "Ed25519"], dPoPSigningAlgValues: ["EdDSA", "Ed25519"] },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true, allowedPolicy: () => true },
    introspection: { enabled: true, allowedPolicy: () => true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope: "payments", accessTokenFormat: "jwt", accessTokenTTL: 60 }),
    },
  },
  findAccount: () => undefined,
});

provider.registerGrantType(
  GRANT,
  async (ctx) => {
    const asked = ctx.oidc.params;
    const { payload } = await jose.jwtVerify(asked.subject_token, jose.createLocalJWKSet(keys), {
      issuer: from,
      audience: issuer,
      typ: "at+jwt",
    });
    const dPoP = await validateDpop(provider, ctx);
    const token = new provider.ClientCredentials({ client: ctx.oidc.client, scope: asked.scope });
    token.resourceServer = new provider.ResourceServer(asked.resource, {
      scope: "payments",
      accessTokenFormat: "jwt",
      accessTokenTTL: 60,
      audience: asked.audience,
    });
    if (dPoP) token.setThumbprint("jkt", dPoP.thumbprint);
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      token_type: token.tokenType,
      expires_in: token.expiration,
    };
    console.log(JSON.stringify({ subject: payload, details: JSON.parse(asked.authorization_details), client: ctx.oidc.client.clientId, nonce: Boolean(dPoP) }));
  },
  ["audience", "resource", "scope", "requested_token_type", "subject_token", "subject_token_type", "authorization_details"],
);
provider.on("grant.error", (_, error) => console.error(error.message, error.error_description, error.error_detail));
provider.on("server_error", (_, error) => console.error(error));
// It gives up no structured tokens itself; that it was asked to is said.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path.endsWith("/revocation")) console.log(JSON.stringify({ revocation: ctx.oidc.client?.clientId }));
});

provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
