// Forms with data-keep: what is typed is kept in this browser tab until the server has accepted it, so an expired
// session, a failed request or a closed connection loses nothing. Kept for each person and page; gone with sign-out.
import { element, icon, text } from "./texts.js";
import { filesOf } from "./uploads.js";

const person = document.body.dataset.person;
const PREFIX = "kartabl:";
const PENDING = `${PREFIX}pending`; // the key of the form that was sent last and of which the outcome is not known

const keyOf = (form) => `${PREFIX}${person}:${location.pathname}:${form.id || "form"}`;

function keepable(control) {
  return control.name && !control.name.startsWith("_") && control.name !== "csrf_token" &&
    !["password", "file", "submit", "button", "hidden"].includes(control.type) && control.autocomplete !== "one-time-code";
}

const filesKey = (field) => `files of ${field.dataset.files}`;

function read(form) {
  const typed = {};
  for (const control of form.elements) {
    if (!keepable(control)) continue;
    const several = control.type === "radio" || control.type === "checkbox";
    const key = several ? `${control.name}=${control.value}` : control.name;
    typed[key] = several ? control.checked : control.value;
  }
  for (const field of form.querySelectorAll("[data-uploads]")) typed[filesKey(field)] = JSON.stringify(filesOf(field));
  return typed;
}

function differs(form, typed) {
  const now = read(form);
  return Object.entries(typed).some(([key, value]) => key in now && now[key] !== value);
}

function write(form, typed) {
  for (const control of form.elements) {
    if (!keepable(control)) continue;
    const several = control.type === "radio" || control.type === "checkbox";
    const key = several ? `${control.name}=${control.value}` : control.name;
    if (!(key in typed)) continue;
    if (several) control.checked = typed[key];
    else control.value = typed[key];
  }
  for (const field of form.querySelectorAll("[data-uploads]")) {
    if (filesKey(field) in typed) field.dispatchEvent(new CustomEvent("restore-files", { detail: JSON.parse(typed[filesKey(field)]) }));
  }
  form.dispatchEvent(new CustomEvent("restored"));
}

function offerBack(form, key) {
  const discard = element("button", { type: "button", className: "btn btn-link" }, text("discard"));
  discard.addEventListener("click", () => {
    sessionStorage.removeItem(key);
    location.reload();
  });
  const words = element("div", { className: "note__text" }, element("p", {}, text("restored")), discard);
  form.before(element("div", { className: "note note--info", role: "status" }, icon("history"), words));
}

/** The outcome of the form that was sent last: forgotten when accepted, kept when this page is a dead end. */
function settlePending() {
  const pending = sessionStorage.getItem(PENDING);
  const deadEnd = !person || "failed" in document.body.dataset;
  if (!pending || deadEnd) {
    if (pending && deadEnd) sessionStorage.setItem(`${PENDING}:lost`, pending);
    return;
  }
  if (sessionStorage.getItem(`${PENDING}:lost`) !== pending) sessionStorage.removeItem(pending);
  sessionStorage.removeItem(PENDING);
  sessionStorage.removeItem(`${PENDING}:lost`);
}

function clearAll() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}

function follow(form) {
  const key = keyOf(form);
  const kept = sessionStorage.getItem(key);
  if (kept && document.body.dataset.method === "GET" && differs(form, JSON.parse(kept))) {
    write(form, JSON.parse(kept));
    offerBack(form, key);
  }
  let timer;
  const keep = () => sessionStorage.setItem(key, JSON.stringify(read(form)));
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, 400);
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    keep();
    sessionStorage.setItem(PENDING, key);
  });
}

export function keepTypedText() {
  settlePending();
  document.querySelector("[data-sign-out]")?.addEventListener("submit", clearAll);
  if (person) document.querySelectorAll("form[data-keep]").forEach(follow);
}
