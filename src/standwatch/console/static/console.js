// Keys, the filter of tables, and when a region may not reload. No markup is made from text: textContent only.
(() => {
"use strict";

const editable = (it) => it instanceof Element && it.closest("input, textarea, select, [contenteditable]") !== null;
const letters = () => { try { return localStorage.getItem("letters") !== "off"; } catch { return true; } };

// --- keys -----------------------------------------------------------------------------------------------
let going = 0;

function halt() {
  const button = document.querySelector("[data-halt]:not(:disabled)");
  if (!button) return;
  button.form.requestSubmit(button);
  button.disabled = true;  // after the form was read: one key, one hold
}

function go(letter) {
  const link = document.querySelector(`.head nav a[data-key="${CSS.escape(letter)}"]`);
  if (link) link.click();
}

function shown(dialog) {
  if (dialog && !dialog.open) dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.isComposing) return;
  const typing = editable(event.target);
  if (event.key === "Escape" && typing) { event.target.blur(); return; }
  if (typing) return;
  if (event.key === "F8" || (event.altKey && event.shiftKey && event.code === "KeyH")) {
    event.preventDefault();
    halt();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !letters()) return;
  if (going && event.timeStamp - going < 1500) { going = 0; go(event.key); return; }
  going = 0;
  switch (event.key) {
    case "g": going = event.timeStamp; break;
    case "?": shown(document.getElementById("keys")); break;
    case "/": focus(event, "[data-filter], [data-filter-first]"); break;
    case "t": focus(event, "#as_of"); break;
  }
});

function focus(event, selector) {
  const found = document.querySelector(selector);
  if (found) { event.preventDefault(); found.focus(); }
}

for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => shown(document.getElementById("keys")));
}
const box = document.getElementById("letters");
if (box) {
  box.checked = letters();
  box.addEventListener("change", () => { try { localStorage.setItem("letters", box.checked ? "on" : "off"); } catch {} });
}

// --- the filter of a table: rows whose text lacks a word are hidden as one types ---------------------------
function sift(input) {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const region = document.querySelector(input.dataset.filter);
  if (!region) return;
  let left = 0;
  for (const row of region.querySelectorAll("tbody tr")) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    if (!row.hidden) left += 1;
  }
  const told = document.querySelector("[data-left]");
  if (told) told.textContent = words.length ? `${left} shown` : "";
}
for (const input of document.querySelectorAll("[data-filter]")) {
  input.addEventListener("input", () => sift(input));
  if (input.value) sift(input);
}
document.addEventListener("htmx:after:swap", () => {
  for (const input of document.querySelectorAll("[data-filter]")) if (input.value) sift(input);
});

// --- a region in which somebody has the focus, selects text or points at something waits with reloading itself ----
const AGAIN = 1500;  // ms until it tries again
let pointed = -AGAIN;  // when the pointer last moved
document.addEventListener("pointermove", (event) => { pointed = event.timeStamp; }, { passive: true });

function busy(region) {
  const selection = getSelection(), held = document.activeElement;
  return (held !== region && region.contains(held)) ||
    (selection && !selection.isCollapsed && region.contains(selection.anchorNode)) ||
    (performance.now() - pointed < AGAIN && region.matches("[data-still]:hover"));
}

document.addEventListener("htmx:before:request", (event) => {
  const region = event.target, what = event.detail?.ctx?.sourceEvent?.type;
  if (!(region instanceof Element) || !region.hasAttribute("hx-select") || !busy(region)) return;
  event.preventDefault();
  if (!what || region.again) return;
  region.again = setTimeout(() => {
    region.again = 0;
    document.getElementById("live")?.dispatchEvent(new CustomEvent(what));
  }, AGAIN);
});

// --- a page that hears nothing says so: a quiet one and a deaf one look the same -------------------------------------
const PATIENT = 2000;  // ms: a line that is back by then was never missed
let deaf = 0;

document.addEventListener("htmx:sse:error", (event) => {
  if (event.target.id !== "live" || deaf) return;
  const since = new Date().toISOString().slice(11, 19);
  deaf = setTimeout(() => {
    document.getElementById("cut").textContent = `Nothing new is heard since ${since}Z: what is shown may be old. ` +
      "If the server is down, nothing passes, and standwatch halt still works on its host.";
  }, PATIENT);
});
document.addEventListener("htmx:sse:after:connection", (event) => {
  if (event.target.id !== "live") return;
  clearTimeout(deaf);
  deaf = 0;
  document.getElementById("cut").textContent = "";
});

// --- the live tail: rows wait in a queue, and are put on top once a frame, while nobody reads --------------------
const KEPT = 200;  // rows on the page
const LOW = 28;  // CSS pixels that a row has at least
const PAUSE = 100;  // ms between two changes: nobody reads faster, and every frame stays free
const QUEUED = 1000;  // rows that wait while somebody reads; the oldest go, and the record has them

function pad(number) { return String(number).padStart(2, "0"); }
function clock(at) {
  const when = new Date(at / 1000);
  return `${when.getUTCFullYear()}-${pad(when.getUTCMonth() + 1)}-${pad(when.getUTCDate())} ` +
    `${pad(when.getUTCHours())}:${pad(when.getUTCMinutes())}:${pad(when.getUTCSeconds())}Z`;
}

// Characters that nobody sees, or that turn what follows: shown by number, as the server shows them.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u2800\u3164\uffa0]/gu;

function text(words) {
  const span = document.createElement("bdi");
  span.dir = "ltr";
  let from = 0;
  for (const found of words.matchAll(HIDDEN)) {
    span.append(words.slice(from, found.index));
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.textContent = "U+" + found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    span.append(mark);
    from = found.index + found[0].length;
  }
  span.append(words.slice(from));
  return span;
}

// Rows stay where they are; what they say moves down. So nothing is shifted under whoever looks or points.
function blank() {
  const item = document.createElement("li"), time = document.createElement("time"), link = document.createElement("a");
  const kind = document.createElement("span"), words = document.createElement("span");
  kind.className = "kind";
  words.className = "text";
  item.append(time, " ", link, " ", kind, " ", words);
  return item;
}

// The sentence without the action's id at its end, which the command line sets apart by two spaces.
function said(line) {
  const id = `  ${line.entry?.id ?? ""}`;
  return line.text.endsWith(id) ? line.text.slice(0, -id.length) : line.text;
}

function fill(item, line) {
  const [time, link, kind, words] = item.children;
  time.textContent = clock(line.at);
  time.dateTime = new Date(line.at / 1000).toISOString();
  link.href = `/entries/${Number(line.index)}`;
  link.textContent = line.index;
  kind.textContent = line.kind;
  if (line.text === undefined) { words.replaceChildren(line.said.cloneNode(true)); return; }
  const told = said(line);
  if (told.search(HIDDEN) < 0) words.textContent = told;
  else words.replaceChildren(text(told));
}

// The row that says that there is nothing, as a row of entries.
function replaced(item) {
  const made = blank();
  item.replaceWith(made);
  return made;
}

// What a row of the server's says, as a line of the stream does.
function parsed(item) {
  const [time, link, kind, words] = item.children;
  if (!words) return null;
  const said = document.createDocumentFragment();
  said.append(...[...words.childNodes].map((it) => it.cloneNode(true)));
  return { at: Date.parse(time.dateTime) * 1000, index: Number(link.textContent), kind: kind.textContent, said };
}

function tail(region) {
  const list = region.querySelector("ol"), said = document.getElementById("tail-said");
  const button = document.getElementById("tail-pause");
  let queue = [], asked = false, paused = false, dropped = 0, frame = 0;
  let stale = false, quiet = 0, view = 0;  // how many rows are in view while one looks at the newest
  const measure = () => { view = Math.ceil(region.clientHeight / LOW) + 1; };
  measure();
  addEventListener("resize", measure);
  let shown = null;  // what the rows say, the newest first; the server's own rows until the first change
  let last = Number(new URL(region.dataset.tail, location.href).searchParams.get("from")) - 1;

  function reading() {
    const selection = getSelection();
    return paused || region.matches(":hover, :focus-within") || region.scrollTop > 0 ||
      (selection && !selection.isCollapsed && region.contains(selection.anchorNode));
  }
  function draw() {
    frame = 0;
    if (reading()) { whole(); tell(); return; }
    shown ??= [...list.children].map(parsed).filter(Boolean);
    shown = [...queue.reverse(), ...shown].slice(0, KEPT);
    queue = []; dropped = 0;
    while (list.childElementCount > shown.length) list.lastElementChild.remove();
    while (list.childElementCount < shown.length) list.append(blank());
    rows(0, view);
    stale = true;
    clearTimeout(quiet);
    quiet = setTimeout(whole, 3 * PAUSE);
    tell();
  }
  function rows(from, to) {
    for (let at = from; at < Math.min(to, shown.length); at += 1) {
      const item = list.children[at];
      fill(item.childElementCount === 4 ? item : replaced(item), shown[at]);
    }
  }
  // The rows below are written when nothing has come for a moment, or before somebody gets there.
  function whole() {
    if (stale) rows(view, KEPT);
    stale = false;
  }
  function tell() {
    const waiting = queue.length + dropped;
    const words = waiting ? `Paused while you read: ${waiting} new` : paused ? "Paused" : asked ? "Live" : "Connecting";
    if (said.textContent !== words) said.textContent = words;
  }
  function wake() { if (!frame && queue.length) frame = setTimeout(() => requestAnimationFrame(draw), PAUSE); }

  const source = new EventSource(region.dataset.tail);
  source.onopen = () => { asked = true; tell(); };
  source.onerror = () => { asked = false; tell(); };
  source.onmessage = (event) => {
    const line = JSON.parse(event.data);
    if (line.index <= last) return;  // a stream that began anew tells some twice
    last = line.index;
    queue.push(line);
    if (queue.length > QUEUED) { dropped += queue.length - QUEUED; queue = queue.slice(-QUEUED); }
    wake();
  };
  for (const what of ["pointerenter", "focusin", "scroll"]) region.addEventListener(what, whole);
  for (const what of ["pointerleave", "focusout", "scroll"]) region.addEventListener(what, () => setTimeout(wake, 0));
  document.addEventListener("selectionchange", wake);
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    tell();
    wake();
  });
  addEventListener("pagehide", () => source.close());
  tell();
}
for (const region of document.querySelectorAll("[data-tail]")) tail(region);
})();
