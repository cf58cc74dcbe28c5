// Sending forms: a question first where data-confirm asks for it, never twice, and back at the same place after
// a row was added or removed.
import { element, text } from "./texts.js";

const PLACE = "kartabl-place";

/** Ask before something is sent; both buttons say what they do. */
function ask(question, act) {
  return new Promise((answered) => {
    const accept = element("button", { className: "btn btn-primary", value: "yes" }, act);
    const refuse = element("button", { className: "btn btn-outline", value: "no" }, text("back"));
    const words = element("p", { className: "question__text", id: "question-text" }, question);
    const form = element("form", { method: "dialog" }, words, element("div", { className: "actions" }, accept, refuse));
    const dialog = element("dialog", { className: "question", "aria-labelledby": "question-text" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      answered(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    refuse.focus();
  });
}

function lock(form, submitter) {
  form.dataset.sending = "";
  setTimeout(() => { // after the browser has collected the values, the pressed button's among them
    for (const button of form.querySelectorAll("button:not([type=button])")) button.disabled = true;
    submitter?.setAttribute("aria-busy", "true");
  });
}

function unlock(form) {
  delete form.dataset.sending;
  for (const button of form.querySelectorAll("button:not([type=button])")) {
    button.disabled = Boolean(button.closest("[hidden]")) || button.hasAttribute("data-disabled");
    button.removeAttribute("aria-busy");
  }
}

async function onSubmit(event) {
  const form = event.target;
  if (form.method === "dialog" || form.method === "get" || form.target === "_blank") return;
  if ("sending" in form.dataset) return event.preventDefault();
  const submitter = event.submitter;
  const source = submitter?.dataset.confirm ? submitter : form.dataset.confirm ? form : null;
  if (source && !("confirmed" in form.dataset)) {
    event.preventDefault();
    event.stopImmediatePropagation(); // not sent yet: nobody else need act on it
    if (!(await ask(source.dataset.confirm, (submitter ?? form.querySelector("button:not([type=button])")).textContent.trim()))) return;
    form.dataset.confirmed = "";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
    return;
  }
  if (submitter && "keepsPlace" in submitter.dataset) {
    const top = submitter.closest("fieldset")?.getBoundingClientRect().top ?? 0;
    const added = submitter.name === "_add";
    sessionStorage.setItem(PLACE, JSON.stringify({ path: location.pathname, rows: submitter.value.replace(/-\d+$/, ""), top, added }));
  }
  lock(form, submitter);
}

function returnToPlace() {
  const place = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
  sessionStorage.removeItem(PLACE);
  const rows = place?.path === location.pathname && document.getElementById(place.rows);
  if (!rows) return;
  scrollBy({ top: rows.getBoundingClientRect().top - place.top, behavior: "instant" });
  const target = place.added ? rows.querySelector("tbody tr:last-child :is(input, select, textarea):not([type=hidden])") : rows;
  target?.focus({ preventScroll: !place.added });
}

export function guardSubmits() {
  document.addEventListener("submit", onSubmit, true);
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-sending]").forEach(unlock);
  });
  returnToPlace();
}
