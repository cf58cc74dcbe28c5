// File inputs: a drop area in the reader's language in the place of the browser's own button, and with data-max-bytes
// on the form or the input, a file that is too big is refused at once, in words, before it is uploaded.
import { digits, element, icon, text } from "./texts.js";

function sizeInWords(bytes) {
  const megabytes = bytes / 1048576;
  if (megabytes >= 1) return text("megabytes", { number: digits(Math.round(megabytes * 10) / 10) });
  return text("kilobytes", { number: digits(Math.max(1, Math.round(bytes / 1024))) });
}

function refuseTooBig(input, area) {
  const id = `${input.id}-too-big`;
  document.getElementById(id)?.remove();
  const limit = Number(input.dataset.maxBytes ?? input.form?.dataset.maxBytes ?? Infinity);
  const tooBig = [...input.files].find((file) => file.size > limit);
  if (!tooBig) return input.removeAttribute("aria-invalid");
  const words = text("file_too_big", { name: tooBig.name, limit: sizeInWords(limit) });
  input.value = "";
  input.setAttribute("aria-invalid", "true");
  area.after(element("p", { className: "field__error", id, role: "alert" }, icon("alert-circle"), words));
}

function showChosen(input, area) {
  const files = [...input.files];
  area.classList.toggle("file-pick--chosen", files.length > 0);
  const names = files.map((file) => element("bdi", {}, `${file.name} (${sizeInWords(file.size)})`));
  area.replaceChildren(icon(files.length ? "file" : "cloud-upload"),
    ...(files.length ? names : [element("b", {}, text("choose_file")), element("span", {}, text("drop_file"))]));
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
    input.addEventListener("change", () => {
      refuseTooBig(input, area);
      showChosen(input, area);
    });
  }
}
