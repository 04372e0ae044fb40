// What waits and what runs out: times told by the server's clock, and new questions at the end of their table.
"use strict";

const MICRO = 1000;  // µs in a ms

// --- times ------------------------------------------------------------------------------------------------
const anchor = document.querySelector("[data-now]");
const ahead = anchor ? Number(anchor.dataset.now) / MICRO - Date.now() : 0;
const now = () => Date.now() + ahead;

function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${seconds} s`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  for (const one of document.querySelectorAll("[data-until]")) {
    const left = Number(one.dataset.until) / MICRO - now();
    if (Number(one.dataset.until)) write(one, left > 0 ? `in ${span(left)}` : "over");
  }
  for (const one of document.querySelectorAll("[data-at]")) {
    if (Number(one.dataset.at)) write(one, `${span(now() - Number(one.dataset.at) / MICRO)} ago`);
  }
}

setInterval(tick, 1000);
tick();

// --- the table of what waits ---------------------------------------------------------------------------------
// INVARIANT: no row that is shown moves: new ones come at the end, and those that are over stay, and say so.
const table = document.getElementById("waiting");
const body = table && table.tBodies[0];
let asking = false, again = false;

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(`/approvals.json${location.search}`, { headers: { accept: "application/json" } });
    if (answer.ok) take(await answer.json());
  } catch { /* the next event asks again */ } finally {
    asking = false;
    if (again) { again = false; refresh(); }
  }
}

function take(view) {
  const open = new Map(view.waiting.map((one) => [one.question.id, one]));
  for (const row of body.rows) {
    if (open.has(row.dataset.id)) mark(row, open.get(row.dataset.id));
    if (!open.has(row.dataset.id) && !row.classList.contains("over")) {
      row.classList.add("over");
      write(row.querySelector("[data-until]"), "over");
      row.querySelector("[data-until]").dataset.until = "0";
    }
    open.delete(row.dataset.id);
  }
  for (const one of open.values()) body.append(made(one, view.names));
  const count = view.waiting.length;
  write(document.getElementById("count"), count ? `${count} waiting, ${view.mine} of them for you.${view.held ? ` ${view.held}` : ""}` : "Nothing waits for anybody.");
  tick();
}

// What holds fall on is marked, and is no more when they are released.
function mark(row, one) {
  const chip = row.querySelector('[data-fill="held"]');
  const [first] = one.question.held;
  chip.hidden = !one.held;
  write(chip, one.held);
  if (one.held) chip.href = first >= 0 ? `/holds/${Number(first)}` : "/holds";
}

function made(one, names) {
  const row = document.getElementById("one").content.firstElementChild.cloneNode(true);
  const told = one.question;
  row.dataset.id = told.id;
  row.querySelector("a").href = `/approvals/${encodeURIComponent(told.id)}`;
  const people = told.signers.map((id) => names[id] || id).join(", ");
  const fill = { tool: told.tool, words: one.words, says: one.says, system: told.system, by: told.by, people };
  for (const [name, text] of Object.entries(fill)) row.querySelector(`[data-fill="${name}"]`).textContent = text;
  if (one.mine) {
    const chip = document.createElement("b");
    chip.className = "chip waiting you";
    chip.textContent = "you";
    row.querySelector('[data-fill="people"]').after(" ", chip);
  }
  mark(row, one);
  row.querySelector("[data-at]").dataset.at = told.at;
  row.querySelector("[data-until]").dataset.until = told.until;
  return row;
}

if (body) for (const what of ["questions", "holds"]) document.getElementById("live")?.addEventListener(what, refresh);
