// The WhatsApp of the Meta simulator's people, drawn from its JSON once a second. Uses pretty() and clock() of phones.js.
"use strict";

const WHATSAPP = "meta/_sim";
const YESTERDAY = 25 * 3600;

const people = document.getElementById("whatsapp");
const peopleTitle = document.getElementById("whatsapp-title");
const personTemplate = document.getElementById("person");

const known = new Map();
let businesses = [];

async function direct(person, act, order) {
  return fetch(`${WHATSAPP}/phones/${encodeURIComponent(person.number)}/${act}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ to: person.select.value, ...order }),
  });
}

function newPerson(told) {
  const section = personTemplate.content.firstElementChild.cloneNode(true);
  const find = (selector) => section.querySelector(selector);
  const person = {
    number: told.number,
    section,
    select: find("select"),
    to: find(".to"),
    only: find(".only"),
    window: find(".window"),
    list: find("ol"),
    thread: find(".thread"),
    empty: find(".empty"),
    refused: find(".refused"),
    input: find("form input[type=text]"),
    file: find("form input[type=file]"),
    button: find("form button"),
    blocked: find(".blocked"),
    stopped: find(".stopped"),
    late: find(".late"),
    state: "",
    offered: "",
    switching: false,
    unread: false,
  };
  section.setAttribute("aria-label", `WhatsApp of ${told.name}`);
  section.dataset.number = told.number;
  find("h3").textContent = `${told.name} · ${told.hides_number ? "number hidden" : pretty(told.number)}`;
  person.input.setAttribute("aria-label", `Message from ${told.name}`);
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const body = person.input.value;
    if (!body.trim() || person.button.disabled) return;
    person.input.value = "";
    write(person, { type: "text", body });
  });
  person.file.addEventListener("change", () => attach(person));
  person.blocked.addEventListener("change", () => flip(person, "block", { blocked: person.blocked.checked }));
  person.stopped.addEventListener("change", () => {
    flip(person, "preference", { value: person.stopped.checked ? "stop" : "resume" });
  });
  person.select.addEventListener("change", pollPeople);
  // Whoever opens a chat has read it.
  section.addEventListener("focusin", () => look(person));
  section.addEventListener("pointerdown", () => look(person));
  people.append(section);
  known.set(told.number, person);
  return person;
}

function complain(person, sentence) {
  person.refused.textContent = sentence;
  person.refused.hidden = !sentence;
}

async function write(person, order) {
  person.button.disabled = true;
  complain(person, "");
  const sending = direct(person, "message", { ...order, retry: false, ago: person.late.checked ? YESTERDAY : 0 });
  setTimeout(pollPeople, 60); // the bubble is there before the webhook has answered
  try {
    const answer = await sending;
    const told = await answer.json();
    if (!answer.ok) complain(person, told.problem);
    else if (told.answer.error === "blocked") complain(person, "You have blocked this business.");
    else if (told.answer.status === null) complain(person, `The webhook was not reached: ${told.answer.error}.`);
    else if (told.answer.status !== 200) complain(person, `The webhook refused it with status ${told.answer.status}.`);
  } catch {
    complain(person, "The simulator did not answer.");
  }
  person.button.disabled = false;
  pollPeople();
}

async function attach(person) {
  const file = person.file.files[0];
  if (!file) return;
  const reader = new FileReader();
  reader.onload = () => {
    const content = reader.result.slice(reader.result.indexOf(",") + 1);
    const kind = file.type.split("/")[0];
    const type = ["image", "video", "audio"].includes(kind) ? kind : "document";
    write(person, { type, caption: person.input.value.trim(), media: { content, content_type: file.type || "application/octet-stream", file_name: file.name } });
    person.input.value = "";
  };
  reader.readAsDataURL(file);
  person.file.value = "";
}

async function flip(person, act, order) {
  person.switching = true;
  try {
    await direct(person, act, order);
  } catch {
    complain(person, "The simulator did not answer.");
  }
  person.switching = false;
  pollPeople();
}

function look(person) {
  if (person.unread) direct(person, "read", {}).catch(() => {});
  person.unread = false;
}

function moment(iso) {
  const today = new Date(iso).toDateString() === new Date().toDateString();
  return today ? clock(iso) : `${new Date(iso).toLocaleDateString([], { weekday: "short" })} ${clock(iso)}`;
}

function paragraph(className, text) {
  const made = document.createElement("p");
  made.className = className;
  made.textContent = text;
  return made;
}

function choice(label, detail, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  if (detail) {
    const small = document.createElement("small");
    small.textContent = detail;
    made.append(small);
  }
  if (act) made.addEventListener("click", act);
  else made.disabled = true;
  return made;
}

function choices(person, message) {
  const made = document.createElement("div");
  made.className = "choices";
  for (const button of message.parts?.buttons ?? []) {
    if (button.type === "QUICK_REPLY") {
      made.append(choice(button.text, "", () => write(person, { type: "button", text: button.text, payload: button.payload, reply_to: message.id })));
    } else if (button.type === "REPLY") {
      made.append(choice(button.text, "", () => write(person, { type: "interactive", reply: { id: button.id, title: button.text }, reply_to: message.id })));
    } else {
      made.append(choice(button.text, button.url ?? button.phone_number ?? button.code ?? "", null));
    }
  }
  for (const line of message.parts?.list?.rows ?? []) {
    made.append(choice(line.title, line.description ?? "", () => write(person, { type: "interactive", reply_type: "list_reply", reply: line, reply_to: message.id })));
  }
  return made;
}

function contents(message, all) {
  const text = document.createElement("div");
  text.className = "bubble";
  if (message.deleted) {
    text.append(paragraph("part gone", "This message was deleted"));
    return text;
  }
  const quoted = message.reply_to && all.find((one) => one.id === message.reply_to);
  if (quoted) text.append(paragraph("quote", (quoted.body ?? quoted.kind).slice(0, 60)));
  const header = message.parts?.header;
  const media = message.media ?? header?.media;
  if (media?.id && (message.kind === "image" || message.kind === "sticker" || header?.format === "IMAGE")) {
    const image = document.createElement("img");
    image.src = `${WHATSAPP}/media/${media.id}`;
    image.alt = message.body ?? "Picture";
    text.append(image);
  } else if (media) {
    text.append(paragraph("part", `[${media.file_name || media.content_type || message.kind}]`));
  }
  if (header?.text) text.append(paragraph("heading", header.text));
  if (message.body) text.append(paragraph("part", message.body));
  if (message.parts?.footer) text.append(paragraph("footer", message.parts.footer));
  return text;
}

function acts(person, message) {
  const made = document.createElement("span");
  made.className = "acts";
  const add = (label, title, act) => {
    const button = choice(label, "", act);
    button.title = title;
    button.setAttribute("aria-label", title);
    made.append(button);
  };
  if (message.deleted) return made;
  if (message.direction === "to_phone") {
    const emoji = message.reaction ? "" : "👍";
    add(message.reaction ? "×" : "👍", message.reaction ? "Take the reaction away" : "React with a thumb", () => write(person, { type: "reaction", message: message.id, emoji }));
  } else if (message.kind === "text") {
    add("✎", "Edit: write the new text below first", () => {
      const body = person.input.value.trim();
      if (!body) return complain(person, "Write the new text below, then press ✎ again.");
      person.input.value = "";
      return write(person, { type: "edit", message: message.id, body });
    });
    add("🗑", "Delete for everyone", () => write(person, { type: "revoke", message: message.id }));
  }
  return made;
}

function drawMessage(person, message, all) {
  const item = document.createElement("li");
  item.className = `${message.direction} ${message.kind}`;
  const when = paragraph("when", [
    moment(message.at),
    message.edited ? "edited" : "",
    message.status === "read" && message.direction === "to_phone" ? "read" : "",
    message.kind === "template" ? "template" : "",
  ].filter(Boolean).join(" · "));
  if (message.reaction) {
    const mark = document.createElement("span");
    mark.className = "reaction";
    mark.textContent = message.reaction;
    when.append(mark);
  }
  when.append(acts(person, message));
  item.append(contents(message, all), choices(person, message), when);
  return item;
}

function drawBusinesses(person) {
  const offered = JSON.stringify(businesses);
  if (offered === person.offered) return;
  person.offered = offered;
  const chosen = person.select.value;
  person.select.replaceChildren(...businesses.map((one) => new Option(`${one.name} ${pretty(one.number)}`, one.phone_number_id)));
  if (businesses.some((one) => one.phone_number_id === chosen)) person.select.value = chosen;
  person.to.hidden = businesses.length < 2;
  person.only.hidden = businesses.length !== 1;
  person.only.textContent = businesses.length === 1 ? `writes to ${businesses[0].name}` : "";
}

function drawWindow(person, told) {
  const closes = told.windows[person.select.value];
  const left = closes ? new Date(closes) - Date.now() : 0;
  person.window.classList.toggle("open", left > 0);
  if (left > 0) {
    const minutes = Math.ceil(left / 60000);
    person.window.textContent = `free text for ${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min more`;
  } else {
    person.window.textContent = closes ? "24 hours are over: templates only" : "has never written: templates only";
  }
}

function drawPerson(person, told) {
  drawBusinesses(person);
  drawWindow(person, told);
  if (!person.switching) {
    person.blocked.checked = told.blocked.includes(person.select.value);
    person.stopped.checked = told.marketing_stopped.includes(person.select.value);
  }
  const shown = told.messages.filter((one) => businesses.length < 2 || one.with === person.select.value);
  person.unread = shown.some((one) => one.direction === "to_phone" && one.status === "delivered");
  const state = JSON.stringify(shown);
  if (state === person.state) return;
  person.state = state;
  const atEnd = person.thread.scrollHeight - person.thread.scrollTop - person.thread.clientHeight < 40;
  person.list.replaceChildren(...shown.map((one) => drawMessage(person, one, shown)));
  person.empty.hidden = shown.length > 0;
  if (atEnd) person.thread.scrollTop = person.thread.scrollHeight;
}

async function pollPeople() {
  try {
    const answer = await fetch(`${WHATSAPP}/phones`);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const told = await answer.json();
    businesses = told.numbers;
    peopleTitle.hidden = told.phones.length === 0;
    const living = new Set(told.phones.map((one) => one.number));
    for (const [number, person] of known) {
      if (!living.has(number)) {
        person.section.remove();
        known.delete(number);
      }
    }
    for (const one of told.phones) drawPerson(known.get(one.number) ?? newPerson(one), one);
  } catch {
    // phones.js says that the simulator does not answer.
  }
}

pollPeople();
setInterval(() => { if (!document.hidden) pollPeople(); }, EVERY);
document.addEventListener("visibilitychange", () => { if (!document.hidden) pollPeople(); });
