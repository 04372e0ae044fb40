// When the two answers are possible, and how the question stands meanwhile. passkey.js does the signing.
"use strict";

const bar = document.getElementById("answer");
const hint = document.getElementById("hint");
const said = document.getElementById("said");
const refuse = document.getElementById("refuse");
const approve = document.getElementById("approve");
const mayApprove = bar.dataset.approve === "yes";
const ahead = Number(bar.dataset.now) / 1000 - Date.now();  // the server's clock counts
const vouch = [...document.querySelectorAll(".vouch")];
let done = "";

// --- what has been on the screen --------------------------------------------------------------------------
// Refusing is possible at once. Approving is when the end of the sheet, and of every long text in it, was in view.
const unseen = new Set(document.querySelectorAll("[data-end]"));
const watcher = new IntersectionObserver((found) => {
  for (const one of found) if (one.isIntersecting) { unseen.delete(one.target); watcher.unobserve(one.target); }
  show();
});
for (const one of unseen) watcher.observe(one);

function next() {
  const [one] = unseen;
  const box = one.closest(".long");
  (box || one).scrollIntoView({ block: box ? "start" : "end" });
  if (box) box.focus({ preventScroll: true });
}

// --- what can be answered now --------------------------------------------------------------------------------
const standing = () => document.getElementById("standing").dataset;
const over = () => !["open", "approved", "endorsed"].includes(standing().state) || (Date.now() + ahead) * 1000 >= Number(standing().until);

function told(ended) {
  if (done) return "";
  if (ended) return "This question is over: it cannot be answered any more.";
  if (standing().state === "approved") return "It is approved already. It can be refused until it is carried out.";
  if (standing().state === "endorsed") return "Enough people vouched for a value of it. Refuse it, and nobody does any more.";
  if (!mayApprove) return "You may refuse it. Your approval would not count now.";
  if (unseen.size > 1) return `You can refuse now. To approve, read on: ${unseen.size} parts were not on your screen to their end.`;
  if (unseen.size) return "You can refuse now. To approve, read to the end of the sheet.";
  if (Number(standing().held)) return "Your passkey signs exactly what is shown. Nothing is carried out while it is held.";
  return "Your passkey signs exactly what is shown.";
}

function show() {
  const ended = over(), text = told(ended);
  refuse.disabled = ended || done === "refuse";
  approve.disabled = ended || !mayApprove || done !== "" || standing().state !== "open";
  approve.setAttribute("aria-disabled", String(approve.disabled || unseen.size > 0));
  for (const one of vouch) {
    one.disabled = ended || done !== "" || standing().state !== "open";
    one.setAttribute("aria-disabled", String(one.disabled || unseen.size > 0));
  }
  if (hint.textContent !== text) hint.textContent = text;
}

for (const one of [approve, ...vouch]) {
  one.addEventListener("click", (event) => {
    if (!unseen.size) return;
    event.stopPropagation();  // before passkey.js hears of it
    next();
  });
}

document.addEventListener("passkey", (event) => {
  done = event.target.closest("button").id || "vouch";
  said.textContent = `Recorded as entry ${event.detail.index}. ${event.detail.text}.`;
  show();
});

document.addEventListener("htmx:after:swap", show);
setInterval(show, 500);
show();
