// The phones of the Twilio simulator, drawn from its JSON once a second.
"use strict";

const SIMULATOR = "twilio/_sim/phones";
const EVERY = 1000;

const row = document.getElementById("phones");
const none = document.getElementById("none");
const trouble = document.getElementById("trouble");
const template = document.getElementById("phone");

const drawn = new Map();
let numbers = [];

function pretty(number) {
  const parts = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return parts ? `+1 ${parts[1]} ${parts[2]} ${parts[3]}` : number;
}

function nameOf(number) {
  const own = numbers.find((one) => one.number === number);
  return own && own.friendly_name !== number ? own.friendly_name : pretty(number);
}

function clock(iso) {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

async function post(path, body) {
  return fetch(`${SIMULATOR}/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

function newPhone(number) {
  const section = template.content.firstElementChild.cloneNode(true);
  const find = (selector) => section.querySelector(selector);
  const phone = {
    number,
    section,
    select: find("select"),
    to: find(".to"),
    only: find(".only"),
    list: find("ol"),
    thread: find(".thread"),
    empty: find(".empty"),
    refused: find(".refused"),
    form: find("form"),
    input: find("form input[type=text]"),
    button: find("form button"),
    file: find("form input[type=file]"),
    chosen: find(".chosen"),
    tick: find(".carrier input"),
    state: "",
    offered: "",
    ticking: false,
  };
  section.setAttribute("aria-label", `Phone ${number}`);
  section.dataset.number = number;
  find("h3").textContent = pretty(number);
  phone.input.setAttribute("aria-label", `Text from ${number}`);
  phone.form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(phone);
  });
  phone.file.addEventListener("change", () => showChosen(phone));
  find(".chosen button").addEventListener("click", () => {
    phone.file.value = "";
    showChosen(phone);
  });
  phone.tick.addEventListener("change", () => optOut(phone));
  phone.select.addEventListener("change", poll);
  row.append(section);
  drawn.set(number, phone);
  return phone;
}

function refuse(phone, sentence) {
  phone.refused.textContent = sentence;
  phone.refused.hidden = !sentence;
}

function showChosen(phone) {
  const file = phone.file.files[0];
  phone.chosen.hidden = !file;
  phone.chosen.firstElementChild.textContent = file ? file.name : "";
}

async function read(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { content_type: file.type || "application/octet-stream", data: btoa(text) };
}

async function send(phone) {
  const body = phone.input.value;
  const file = phone.file.files[0];
  if ((!body.trim() && !file) || phone.button.disabled) return;
  phone.button.disabled = true;
  phone.input.value = "";
  phone.file.value = "";
  showChosen(phone);
  refuse(phone, "");
  const order = { to: phone.select.value, body: body.trim() ? body : null, media: file ? [await read(file)] : [] };
  const sending = post(`${encodeURIComponent(phone.number)}/text`, order);
  setTimeout(poll, 60); // the bubble is there before the webhook has answered
  try {
    const answer = await sending;
    const told = await answer.json();
    if (!answer.ok) refuse(phone, told.problem);
    else if (told.status === null) refuse(phone, `The webhook was not reached: ${told.error}.`);
    else if (told.status >= 300) refuse(phone, `The webhook refused the text with status ${told.status}.`);
    else if (told.error_code) refuse(phone, `The webhook's answer was not understood (${told.error_code}).`);
  } catch {
    refuse(phone, "The simulator did not answer.");
  }
  phone.button.disabled = false;
  poll();
}

async function optOut(phone) {
  phone.ticking = true;
  try {
    await post(`${encodeURIComponent(phone.number)}/opt-out`, { to: phone.select.value, opted_out: phone.tick.checked });
  } catch {
    refuse(phone, "The simulator did not answer.");
  }
  phone.ticking = false;
  poll();
}

// A file that the simulator keeps is shown; any other is only named.
function attached(url) {
  const kept = /\/Media\/(ME[0-9a-f]{32})$/.exec(url);
  if (!kept) return document.createTextNode(`[${url}]`);
  const link = document.createElement("a");
  link.href = `twilio/_sim/media/${kept[1]}`;
  link.target = "_blank";
  link.rel = "noreferrer";
  const picture = new Image();
  picture.src = link.href;
  picture.alt = "attached file";
  link.append(picture);
  return link;
}

function bubble(message) {
  const item = document.createElement("li");
  item.className = `${message.direction} ${message.kind}`;
  const text = document.createElement("p");
  text.className = "bubble";
  text.textContent = message.body ?? "";
  text.append(...message.media.map((url) => attached(url)));
  const when = document.createElement("p");
  when.className = "when";
  when.textContent = [
    clock(message.at),
    message.kind === "provider" ? "from the carrier" : numbers.length > 1 ? nameOf(message.with) : "",
  ].filter(Boolean).join(" · ");
  item.append(text, when);
  return item;
}

function drawNumbers(phone) {
  const offered = JSON.stringify(numbers);
  if (offered === phone.offered) return;
  phone.offered = offered;
  const chosen = phone.select.value;
  phone.select.replaceChildren(...numbers.map((own) => {
    return new Option(own.friendly_name !== own.number ? `${own.friendly_name} ${pretty(own.number)}` : pretty(own.number), own.number);
  }));
  if (numbers.some((own) => own.number === chosen)) phone.select.value = chosen;
  phone.to.hidden = numbers.length < 2;
  phone.only.hidden = numbers.length !== 1;
  phone.only.textContent = numbers.length === 1 ? `texts ${pretty(numbers[0].number)}` : "";
}

function draw(phone, told) {
  drawNumbers(phone);
  if (!phone.ticking) phone.tick.checked = told.opted_out_of.includes(phone.select.value);
  const state = JSON.stringify([told.messages, numbers]);
  if (state === phone.state) return;
  phone.state = state;
  const atEnd = phone.thread.scrollHeight - phone.thread.scrollTop - phone.thread.clientHeight < 40;
  phone.list.replaceChildren(...told.messages.map(bubble));
  phone.empty.hidden = told.messages.length > 0;
  if (atEnd) phone.thread.scrollTop = phone.thread.scrollHeight;
}

async function poll() {
  try {
    const answer = await fetch(SIMULATOR);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const told = await answer.json();
    numbers = told.numbers;
    const living = new Set(told.phones.map((phone) => phone.number));
    for (const [number, phone] of drawn) {
      if (!living.has(number)) {
        phone.section.remove();
        drawn.delete(number);
      }
    }
    for (const phone of told.phones) draw(drawn.get(phone.number) ?? newPhone(phone.number), phone);
    none.hidden = told.phones.length > 0;
    trouble.hidden = true;
  } catch {
    trouble.textContent = "The simulator does not answer. Is the server still running?";
    trouble.hidden = false;
  }
}

poll();
setInterval(() => { if (!document.hidden) poll(); }, EVERY);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
