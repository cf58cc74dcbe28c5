// Fields of several files (data-files) in a form with data-upload: each file is sent as soon as it was chosen, some at
// a time, each with its progress; one that is refused says why in its place. The form holds the documents' ids only.
// Without this script the form sends the files itself.
import { digits, element, icon, shownName, sizeInWords, text } from "./texts.js";

const AT_ONCE = 3;
const queue = [];
const running = new Map(); // job → its request
const held = new WeakMap(); // form → the button that was pressed while files were under way

const itemsOf = (field) => [...field.querySelectorAll(".files__item")];
const documentOf = (item) => item.querySelector("input[data-document]");
const underWay = (form) => [...queue, ...running.keys()].some((job) => job.form === form);

function say(field, words) {
  field.querySelector("[role=status]").textContent = words;
}

function changed(form) {
  form.dispatchEvent(new Event("input", { bubbles: true })); // so that it is kept like typed text
}

function quietButton(name, label) {
  return element("button", { type: "button", className: "btn btn-icon-quiet", title: label, "aria-label": label }, icon(name));
}

/** A document that the field holds, as the server draws it. */
function heldItem(field, found) {
  const button = quietButton("trash", text("remove_file", { name: found.name }));
  button.name = "_remove_file";
  return element("li", { className: "files__item", "data-id": String(found.id) },
    element("input", { type: "hidden", name: field.dataset.files, value: String(found.id), "data-document": "" }),
    icon("file"),
    element("span", { className: "files__name" },
      element("a", { href: found.url }, element("bdi", {}, found.name)), " ",
      element("span", { className: "files__size" }, found.size),
      ...(found.note ? [" ", element("span", { className: "files__note" }, found.note)] : [])),
    button);
}

function show(job, ...parts) {
  const name = element("span", { className: "files__name" }, element("bdi", {}, job.name), " ",
    element("span", { className: "files__size" }, sizeInWords(job.file.size)));
  job.item.replaceChildren(icon(job.wrong ? "alert-circle" : "cloud-upload"), name, ...parts);
}

function refuse(job, words, again = false) {
  job.wrong = true;
  job.item.classList.add("files__item--wrong");
  const dismiss = quietButton("x", text("dismiss_file", { name: job.name }));
  dismiss.addEventListener("click", () => leave(job));
  const parts = [element("span", { className: "files__why", role: "alert" }, words), dismiss];
  if (again) {
    const retry = element("button", { type: "button", className: "btn btn-link" }, text("try_again"));
    retry.addEventListener("click", () => begin(job));
    parts.splice(1, 0, retry);
  }
  show(job, ...parts);
}

function leave(job) {
  const place = queue.indexOf(job);
  if (place >= 0) queue.splice(place, 1);
  const request = running.get(job);
  running.delete(job);
  request?.abort();
  job.item.remove();
  job.input.focus();
  goOn(job.form);
}

function begin(job) {
  job.wrong = false;
  job.item.classList.remove("files__item--wrong");
  job.progress = element("progress", { className: "files__progress", max: 100, value: 0, "aria-label": text("sending_file", { name: job.name }) });
  const stop = quietButton("x", text("stop_file", { name: job.name }));
  stop.addEventListener("click", () => leave(job));
  show(job, job.progress, stop);
  queue.push(job);
  goOn(job.form);
}

function send(job) {
  const data = new FormData();
  data.append("csrf_token", job.form.elements.csrf_token.value);
  data.append("field", job.field.dataset.files);
  for (const other of job.form.querySelectorAll("input[data-document]")) {
    if (other.value && other.name !== job.field.dataset.files) data.append("besides", other.value);
  }
  data.append("file", job.file);
  const request = new XMLHttpRequest();
  running.set(job, request);
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) job.progress.value = (100 * event.loaded) / event.total;
  });
  request.addEventListener("loadend", () => {
    if (running.delete(job)) arrived(job, request); // else it was taken back
  });
  request.open("POST", job.form.dataset.upload);
  request.send(data);
}

function answerOf(request) {
  try {
    return JSON.parse(request.responseText) ?? {};
  } catch {
    return {};
  }
}

function arrived(job, request) {
  const answer = answerOf(request);
  if (request.status === 201 && answer.id) {
    const item = heldItem(job.field, answer);
    const twice = itemsOf(job.field).some((other) => documentOf(other)?.value === String(answer.id));
    if (twice) job.item.remove();
    else job.item.replaceWith(item);
    say(job.field, text("file_arrived", { name: answer.name }));
    changed(job.form);
  } else {
    refuse(job, answer.message ?? text("file_not_sent", { name: job.name }), !answer.message);
  }
  goOn(job.form);
}

/** Send what waits; when nothing of a form is under way any more, send the form too if its button was pressed. */
function goOn(form) {
  while (queue.length && running.size < AT_ONCE) send(queue.shift());
  if (underWay(form) || !held.has(form)) return;
  const submitter = held.get(form);
  held.delete(form);
  const wrong = form.querySelector(".files__item--wrong button");
  if (wrong) wrong.focus();
  else form.requestSubmit(submitter);
}

function take(input, field) {
  const files = [...input.files];
  input.value = ""; // what is sent here is not sent once more by the form
  field.querySelector(".files__too-many")?.remove();
  input.removeAttribute("aria-invalid");
  const most = Number(field.dataset.most);
  const number = itemsOf(field).filter((item) => !item.classList.contains("files__item--wrong")).length + files.length;
  if (number > most) {
    const words = text("too_many_files", { most: digits(most), number: digits(number) });
    field.append(element("p", { className: "field__error files__too-many", role: "alert" }, icon("alert-circle"), words));
    return;
  }
  for (const file of files) accept(input, field, file);
}

function accept(input, field, file) {
  const job = { input, field, file, form: input.form, name: shownName(file.name), item: element("li", { className: "files__item" }) };
  field.querySelector(".files__list").append(job.item);
  const limit = Number(input.form.dataset.maxBytes || Infinity);
  if (file.size > limit) refuse(job, text("file_too_big", { name: job.name, limit: sizeInWords(limit) }));
  else begin(job);
}

function onRemove(event, field, input) {
  const button = event.target.closest("button[name=_remove_file]");
  if (!button) return;
  event.preventDefault(); // the form's own way of removing is for pages without scripts
  button.closest(".files__item").remove();
  input.focus();
  changed(input.form);
}

/** Send the files of this input from now on as they are chosen. */
export function uploadFrom(input, field) {
  field.append(element("p", { className: "visually-hidden", role: "status" }));
  field.dataset.uploads = "";
  input.addEventListener("change", () => take(input, field));
  field.addEventListener("click", (event) => onRemove(event, field, input));
  field.addEventListener("restore-files", (event) => {
    field.querySelector(".files__list").replaceChildren(...event.detail.map((found) => heldItem(field, found)));
  });
}

/** The documents of a field, as they are kept in the browser's tab. */
export function filesOf(field) {
  return itemsOf(field).filter(documentOf).map((item) => ({
    id: Number(documentOf(item).value), name: item.querySelector("bdi").textContent,
    size: item.querySelector(".files__size").textContent, url: item.querySelector("a").getAttribute("href"),
  }));
}

/** A form that is sent while its files are under way waits for them. Before all others that listen to submits. */
export function waitForFiles() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!underWay(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    held.set(form, event.submitter);
    for (const field of form.querySelectorAll("[data-uploads]")) say(field, text("files_first"));
  }, true);
}
