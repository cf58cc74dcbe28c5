// File inputs: a drop area in the reader's language in the place of the browser's own button, and with data-max-bytes
// on the form or the input, a file that is too big is refused at once, in words, before it is uploaded.
import { element, icon, shownName, sizeInWords, text } from "./texts.js";
import { uploadFrom } from "./uploads.js";

function refuseTooBig(input, area) {
  const id = `${input.id}-too-big`;
  document.getElementById(id)?.remove();
  const limit = Number(input.dataset.maxBytes ?? input.form?.dataset.maxBytes ?? Infinity);
  const tooBig = [...input.files].find((file) => file.size > limit);
  if (!tooBig) return input.removeAttribute("aria-invalid");
  const words = text("file_too_big", { name: shownName(tooBig.name), limit: sizeInWords(limit) });
  input.value = "";
  input.setAttribute("aria-invalid", "true");
  area.after(element("p", { className: "field__error", id, role: "alert" }, icon("alert-circle"), words));
}

function showChosen(input, area) {
  const files = [...input.files];
  area.classList.toggle("file-pick--chosen", files.length > 0);
  const names = files.map((file) => element("bdi", {}, `${shownName(file.name)} (${sizeInWords(file.size)})`));
  area.replaceChildren(icon(files.length ? "file" : "cloud-upload"),
    ...(files.length ? names : [element("b", {}, text(input.multiple ? "choose_files" : "choose_file")),
      element("span", {}, text(input.multiple ? "drop_files" : "drop_file"))]));
}

function acceptDrops(input, area) {
  for (const name of ["dragover", "dragleave", "drop"]) {
    area.addEventListener(name, (event) => {
      event.preventDefault();
      area.classList.toggle("file-pick--over", name === "dragover");
    });
  }
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length || (event.dataTransfer.files.length > 1 && !input.multiple)) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

export function checkFiles() {
  for (const input of document.querySelectorAll("input[type=file][id]")) {
    const area = element("label", { className: "file-pick", htmlFor: input.id });
    input.classList.add("visually-hidden");
    input.after(area);
    showChosen(input, area);
    acceptDrops(input, area);
    const field = input.closest("[data-files]");
    if (field && input.form?.dataset.upload) {
      uploadFrom(input, field);
      continue;
    }
    input.addEventListener("change", () => {
      refuseTooBig(input, area);
      showChosen(input, area);
    });
  }
}
