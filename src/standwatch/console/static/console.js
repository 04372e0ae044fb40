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
    case "/": focus(event, "[data-filter]"); break;
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

// --- a region in which somebody has the focus or selects text waits with reloading itself --------------------
document.addEventListener("htmx:before:request", (event) => {
  const region = event.target;
  if (!(region instanceof Element) || !region.hasAttribute("hx-select")) return;
  const selection = getSelection();
  const selecting = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  if (selecting || (region !== document.activeElement && region.contains(document.activeElement))) event.preventDefault();
});
})();
