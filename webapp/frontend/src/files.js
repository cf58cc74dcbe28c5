// data-max-bytes on a form or a file input: a file that is too big is refused at once, in words, before it is uploaded.
import { digits, element, icon, text } from "./texts.js";

function sizeInWords(bytes) {
  const megabytes = bytes / 1048576;
  if (megabytes >= 1) return text("megabytes", { number: digits(Math.round(megabytes * 10) / 10) });
  return text("kilobytes", { number: digits(Math.round(bytes / 1024)) });
}

function check(input) {
  const id = `${input.id}-too-big`;
  document.getElementById(id)?.remove();
  const limit = Number(input.dataset.maxBytes ?? input.form.dataset.maxBytes);
  const tooBig = [...input.files].find((file) => file.size > limit);
  input.toggleAttribute("aria-invalid", false);
  if (!tooBig) return;
  const words = text("file_too_big", { name: tooBig.name, limit: sizeInWords(limit) });
  input.value = "";
  input.setAttribute("aria-invalid", "true");
  input.after(element("p", { className: "field__error", id, role: "alert" }, icon("alert-circle"), words));
}

export function checkFiles() {
  for (const input of document.querySelectorAll("form[data-max-bytes] input[type=file], input[type=file][data-max-bytes]")) {
    input.addEventListener("change", () => check(input));
  }
}
