// Passkeys: sign in, enrol, and any ceremony that a button describes. Text is set as text; nothing becomes markup.
//
// <button data-passkey-challenge="URL"   POST here for `options`
//         data-passkey-answer="URL"      POST what the authenticator gave here, as `credential`
//         data-passkey-body='{"…": …}'   members sent along with both; `form` for the fields of the form around it
//         data-passkey-ask='{"…": …}'    members for the challenge instead, where they differ; `form` likewise
//         data-passkey-keep="head until" members of the challenge's answer that go with the credential
//         data-passkey-numbers="until"   fields of the form that are numbers
//         data-passkey-lists="seen"      fields of the form that may stand several times: always a list
//         data-passkey-next="/path"      where to go afterwards
//         data-passkey-say="ID">         the aria-live element that says how it went; else one after the button
// Where the challenge's answer has an `order`, that is what goes back with the credential, and nothing else.
(() => {
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

class Refused extends Error {}

const csrf = () =>
  (document.querySelector("meta[name=csrf]") || {}).content ||
  (document.querySelector("input[name=csrf]") || {}).value || "";

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json", "x-csrf-token": csrf() },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Refused([said.message || `The server answered ${answer.status}.`, said.cure].filter(Boolean).join(" — "));
  }
  return said;
}

const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function get(options) {
  const made = await navigator.credentials.get({
    publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: known(options.allowCredentials) },
  });
  const { authenticatorData, clientDataJSON, signature, userHandle } = made.response;
  const response = {
    authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON), signature: text(signature),
  };
  if (userHandle) response.userHandle = text(userHandle);
  return { id: made.id, rawId: text(made.rawId), type: made.type, response };
}

async function create(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: known(options.excludeCredentials),
    },
  });
  const { attestationObject, clientDataJSON } = made.response;
  const response = { attestationObject: text(attestationObject), clientDataJSON: text(clientDataJSON) };
  return { id: made.id, rawId: text(made.rawId), type: made.type, response };
}

function why(error) {
  if (error instanceof Refused) return error.message;
  switch (error && error.name) {
    case "NotAllowedError": return "It was cancelled, took too long, or this device has no passkey for it.";
    case "InvalidStateError": return "This device has a passkey for this person already.";
    case "SecurityError": return "This page is not the one that passkeys are made for. Open it at its own address.";
    case "NotSupportedError": return "This device makes no passkey of a kind that is taken here.";
    case "TypeError": return "The server could not be reached.";
    default: return "That did not work.";
  }
}

// --- any ceremony --------------------------------------------------------------------------------------------

function members(button, said) {
  if (said !== "form") return JSON.parse(said || "{}");
  const words = (name) => (button.dataset[name] || "").split(" ").filter(Boolean);
  const numbers = words("passkeyNumbers"), lists = words("passkeyLists");
  const found = Object.fromEntries(lists.map((name) => [name, []]));
  for (const [name, value] of new FormData(button.form || button.closest("form"))) {
    const plain = value.replace(/\r\n/g, "\n");
    if (name === "csrf") continue;
    if (lists.includes(name)) found[name].push(plain);
    else found[name] = numbers.includes(name) ? Number(plain) : plain;
  }
  return found;
}

function region(button) {
  const named = document.getElementById(button.dataset.passkeySay || "");
  if (named) return named;
  const made = document.createElement("p");
  made.setAttribute("role", "status");
  made.id = button.dataset.passkeySay = `say-${Math.random().toString(36).slice(2)}`;
  button.after(made);
  return made;
}

async function ceremony(button) {
  const { passkeyChallenge, passkeyAnswer, passkeyBody, passkeyAsk, passkeyKeep, passkeyNext } = button.dataset;
  const body = members(button, passkeyBody);
  const asked = await post(passkeyChallenge, passkeyAsk === undefined ? body : members(button, passkeyAsk));
  const kept = Object.fromEntries((passkeyKeep || "").split(" ").filter(Boolean).map((name) => [name, asked[name]]));
  const sent = asked.order || { ...body, ...kept };
  const said = await post(passkeyAnswer, { ...sent, credential: await get(asked.options) });
  button.dispatchEvent(new CustomEvent("passkey", { bubbles: true, detail: said }));
  if (passkeyNext) location.assign(passkeyNext);
  return said;
}

async function during(button, work) {
  const live = region(button);
  if (button.getAttribute("aria-busy") === "true") return;  // one gesture at a time
  button.setAttribute("aria-busy", "true");
  live.classList.remove("bad");
  live.textContent = "Confirm on your device.";
  try {
    const said = await work(button, live);
    if (live.textContent === "Confirm on your device.") live.textContent = (said && said.text) || "Done.";
  } catch (error) {
    live.classList.add("bad");
    live.textContent = why(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-passkey-challenge]") : null;
  if (!button) return;
  event.preventDefault();
  if (button.form && !button.form.reportValidity()) return;
  during(button, ceremony);
});

for (const note of document.querySelectorAll("[data-passkey-home]")) {
  note.hidden = note.dataset.passkeyHome === location.origin;
}

// A SameSite=Strict cookie does not come along with a link from elsewhere (a message, a pager); it does with this.
const already = document.querySelector("[data-passkey-already]");
if (already) {
  fetch("/api/v1/whoami", { credentials: "same-origin" })
    .then((answer) => (answer.ok ? answer.json() : {}))
    .then((who) => { if (who.session) location.replace(already.dataset.passkeyAlready); })
    .catch(() => {});
}

// --- enrolment -----------------------------------------------------------------------------------------------

const place = document.querySelector("[data-passkey-enrol]");
if (place) enrolment(place, place.querySelector("button"));

function enrolment(it, button) {
  let link = location.hash.slice(1), seat = "";
  if (link) history.replaceState(null, "", location.pathname);  // the link is in no history, and in no bookmark
  addEventListener("hashchange", () => location.reload());  // another link, pasted over this page
  const show = (name) => {
    for (const part of it.querySelectorAll("[data-step]")) part.hidden = part.dataset.step !== name;
  };
  show(link ? "ready" : "none");
  button.addEventListener("click", () => during(button, async () => {
    const asked = await post("/api/v1/enrolments/challenge", seat ? { seat } : { link });
    link = "";
    seat = asked.seat;
    const credential = await create(asked.options);
    const made = await post("/api/v1/enrolments", { seat, ceremony: asked.ceremony, credential });
    for (const name of ["words", "fingerprint", "command"]) it.querySelector(`[data-${name}]`).textContent = made[name];
    show("waits");
    it.querySelector("[data-step=waits]").focus();
    wait();
  }));
  async function wait() {
    const said = await post("/api/v1/enrolments/state", { seat }).catch(() => ({}));
    if (said.state === "live" || said.state === "over") show(said.state);
    else setTimeout(wait, 2000);
  }
}
})();
