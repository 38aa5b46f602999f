// The mails of the Resend simulator, drawn from its JSON once a second.
"use strict";

const SIMULATOR = "resend/_sim/mails";
const EVERY = 1000;
const BAD = new Set(["bounced", "complained", "suppressed", "failed"]);
const SAID = { delivery_delayed: "delayed", complained: "called spam" };

const find = (id) => document.getElementById(id);
const box = find("box");
const list = find("mails");
const tabs = { html: find("as-html"), text: find("as-text") };

let open = location.hash.slice(1);
let view = "html";
let shown = "";
let drawn = "";
const read = new Set();

const said = (event) => SAID[event] ?? event;

function clock(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString([], today ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function item(mail) {
  const last = mail.events.at(-1) ?? "accepted";
  const button = element("button", read.has(mail.id) ? "" : "new", "");
  button.type = "button";
  if (mail.id === open) button.setAttribute("aria-current", "true");
  button.append(
    element("span", "subject", mail.subject),
    element("span", "when", clock(mail.at)),
    element("span", "to", mail.to),
    element("span", BAD.has(last) ? "fate bad" : "fate", said(last)),
  );
  button.addEventListener("click", () => choose(mail.id));
  const entry = document.createElement("li");
  entry.append(button);
  return entry;
}

function drawBoxes(mails) {
  const addresses = [...new Set(mails.map((mail) => mail.to))].sort();
  if (box.options.length === addresses.length + 1) return;
  const chosen = box.value;
  box.replaceChildren(new Option("everyone's", ""), ...addresses.map((to) => new Option(to, to)));
  if (addresses.includes(chosen)) box.value = chosen;
}

function drawList(mails) {
  drawBoxes(mails);
  const wanted = mails.filter((mail) => !box.value || mail.to === box.value);
  const state = JSON.stringify([wanted, open, [...read]]);
  if (state === drawn) return;
  drawn = state;
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...wanted.map(item));
  if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
  find("none").hidden = wanted.length > 0;
}

// An address in plain text becomes a link, as mail programs do it.
function drawText(text) {
  const parts = text.split(/(https?:\/\/\S+)/).map((part) => {
    if (!/^https?:/.test(part)) return part;
    const link = element("a", "", part);
    link.href = part;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    return link;
  });
  find("text").replaceChildren(...parts);
}

function drawView() {
  for (const [name, tab] of Object.entries(tabs)) tab.setAttribute("aria-selected", String(name === view));
  find("page").hidden = view !== "html";
  find("text").hidden = view !== "text";
}

async function drawMail(mails) {
  const mail = mails.find((one) => one.id === open);
  find("mail").hidden = !mail;
  find("closed").hidden = Boolean(mail);
  if (!mail) return;
  find("events").replaceChildren(
    ...["accepted", ...mail.events].map((event) => element("li", BAD.has(event) ? "bad" : "", said(event))),
  );
  find("bounce").disabled = mail.events.includes("bounced");
  find("spam").disabled = mail.events.includes("complained");
  if (shown === mail.id) return;
  shown = mail.id;
  find("subject").textContent = mail.subject;
  find("from").textContent = mail.from;
  find("to").textContent = mail.to;
  find("at").textContent = clock(mail.at);
  find("at").dateTime = mail.at;
  find("page").src = `${SIMULATOR}/${mail.id}/html`;
  const whole = await (await fetch(`${SIMULATOR}/${mail.id}`)).json();
  if (shown === mail.id) drawText(whole.text);
}

function choose(id) {
  open = id;
  read.add(id);
  history.replaceState(null, "", `#${id}`);
  poll();
}

async function happen(event) {
  await fetch(`${SIMULATOR}/${open}/events`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ event }),
  });
  poll();
}

async function poll() {
  const trouble = find("trouble");
  try {
    const answer = await fetch(SIMULATOR);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const mails = await answer.json();
    drawList(mails);
    await drawMail(mails);
    trouble.hidden = true;
  } catch {
    trouble.textContent = "The simulator does not answer. Is the server still running?";
    trouble.hidden = false;
  }
}

box.addEventListener("change", poll);
for (const [name, tab] of Object.entries(tabs)) {
  tab.addEventListener("click", () => { view = name; drawView(); });
}
find("bounce").addEventListener("click", () => happen("bounced"));
find("spam").addEventListener("click", () => happen("complained"));
window.addEventListener("hashchange", () => choose(location.hash.slice(1)));
drawView();
poll();
setInterval(() => { if (!document.hidden) poll(); }, EVERY);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
