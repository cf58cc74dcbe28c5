// Words and digits of the reader's language. The texts come translated from webapp/shell/script_texts.py, in a script
// that the page loads before this one.
const texts = globalThis.kartablTexts ?? {};

export const persian = document.documentElement.lang !== "en";
export const rightToLeft = document.documentElement.dir === "rtl";

export function text(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Digits as the reader writes them. */
export function digits(value) {
  return persian ? String(value).replace(/\d/g, (digit) => "۰۱۲۳۴۵۶۷۸۹"[digit]) : String(value);
}

/** Persian and Arabic digits as 0–9. */
export function plainDigits(value) {
  return value.replace(/[۰-۹]/g, (d) => d.charCodeAt(0) - 0x06f0).replace(/[٠-٩]/g, (d) => d.charCodeAt(0) - 0x0660);
}

/** A number of bytes, as files and limits are measured: 1,000,000 of them are a megabyte. */
export function sizeInWords(bytes) {
  if (bytes >= 1e6) return text("megabytes", { number: digits(Math.round(bytes / 1e5) / 10).replace(".", persian ? "٫" : ".") });
  return text("kilobytes", { number: digits(Math.max(1, Math.round(bytes / 1e3))) });
}

/** A file's name without signs that are not seen, among them those that turn the writing around. */
export function shownName(name) {
  return name.replace(/(?!\u200c)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "");
}

/** An element with properties and children, made without parsing any markup. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "role") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

let sprite;
/** A Tabler icon out of the sprite that the page already uses. */
export function icon(name, ...classes) {
  sprite ??= document.querySelector("use")?.getAttribute("href").split("#")[0] ?? "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", ["icon", ...classes].join(" "));
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}
