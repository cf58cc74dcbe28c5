// data-rials: amounts are grouped by thousands when the cursor leaves the field; the server reads them either way.
import { digits, plainDigits } from "./texts.js";

const bare = (value) => plainDigits(value).replace(/[٬,،\s]/g, "");

function group(input) {
  const value = bare(input.value);
  if (/^\d+$/.test(value)) input.value = digits(value.replace(/\B(?=(\d{3})+$)/g, "٬"));
}

export function groupThousands() {
  for (const input of document.querySelectorAll("[data-rials]")) {
    input.addEventListener("blur", () => group(input));
    input.addEventListener("focus", () => (input.value = digits(bare(input.value))));
    group(input);
  }
}
