// The lead forms of the Meta simulator's pages, drawn from its JSON. Uses WHATSAPP, paragraph() and pollPeople()'s pace.
"use strict";

const forms = document.getElementById("forms");
const formsTitle = document.getElementById("forms-title");
const formTemplate = document.getElementById("form");

const shown = new Map();
const INPUTS = { EMAIL: "email", PHONE: "tel", DATE_OF_BIRTH: "date" };

function field(question) {
  const label = document.createElement("label");
  label.className = "question";
  const input = document.createElement("input");
  input.type = INPUTS[question.type] ?? "text";
  input.name = question.key;
  input.autocomplete = "off";
  input.maxLength = 300;
  label.append(question.label, input);
  return label;
}

function newForm(told) {
  const section = formTemplate.content.firstElementChild.cloneNode(true);
  const find = (selector) => section.querySelector(selector);
  const made = { told, section, said: find(".said"), button: find("button"), tick: find(".consent input"), test: find(".test") };
  section.setAttribute("aria-label", `Lead form ${told.name}`);
  section.dataset.form = told.form_id;
  find("h3").textContent = told.name;
  find(".only").textContent = told.page;
  find(".questions").append(...told.questions.map(field));
  find(".consent").hidden = !told.disclaimer;
  find(".consent span").textContent = told.disclaimer;
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(made);
  });
  forms.append(section);
  shown.set(told.form_id, made);
}

function say(form, sentence, bad) {
  form.said.textContent = sentence;
  form.said.classList.toggle("refused", bad);
  form.said.hidden = !sentence;
}

async function submit(form) {
  const inputs = [...form.section.querySelectorAll(".question input")];
  const given = inputs.filter((input) => input.value.trim());
  if (form.button.disabled || given.length === 0) return;
  form.button.disabled = true;
  say(form, "", false);
  const extra = form.told.disclaimer
    ? { custom_disclaimer_responses: [{ checkbox_key: "consent", is_checked: form.tick.checked ? "1" : "" }] }
    : {};
  const order = {
    form_id: form.told.form_id,
    answers: Object.fromEntries(given.map((input) => [input.name, input.value.trim()])),
    test: form.test.checked,
    organic: form.test.checked,
    extra,
  };
  try {
    const answer = await fetch(`${WHATSAPP}/leads`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(order),
    });
    const told = await answer.json();
    if (!answer.ok) say(form, told.problem, true);
    else if (told.answer.status === 200) {
      say(form, `Sent. The webhook has word of lead ${told.lead_id}.`, false);
      form.section.querySelector("form").reset();
    } else say(form, `The webhook was not reached: ${told.answer.error ?? `status ${told.answer.status}`}.`, true);
  } catch {
    say(form, "The simulator did not answer.", true);
  }
  form.button.disabled = false;
}

async function pollForms() {
  try {
    const answer = await fetch(`${WHATSAPP}/phones`);
    if (!answer.ok) return;
    const told = await answer.json();
    formsTitle.hidden = told.forms.length === 0;
    for (const one of told.forms) if (!shown.has(one.form_id)) newForm(one);
  } catch {
    // phones.js says that the simulator does not answer.
  }
}

pollForms();
setInterval(() => { if (!document.hidden) pollForms(); }, 10 * EVERY);
