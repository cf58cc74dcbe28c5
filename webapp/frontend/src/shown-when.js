// data-shown-when="owner_kind=person": a field is shown while another field of its form (or row) has one of the
// values (a|b). What is hidden is disabled as well, so it is neither sent nor asked for.

function valueOf(form, name) {
  const controls = [...form.elements].filter((control) => control.name === name);
  const checked = controls.filter((control) => !["radio", "checkbox"].includes(control.type) || control.checked);
  return controls.length ? checked.map((control) => control.value) : null;
}

function findValues(form, part, name) {
  const own = part.querySelector("[name]")?.name ?? "";
  const rowPrefix = own.slice(0, own.lastIndexOf("-") + 1); // "meters-0-" inside a row
  return valueOf(form, rowPrefix + name) ?? valueOf(form, name) ?? [];
}

function refresh(form) {
  for (const part of form.querySelectorAll("[data-shown-when]")) {
    const [name, wanted = ""] = part.dataset.shownWhen.split("=");
    const values = findValues(form, part, name.trim());
    const shown = wanted ? wanted.split("|").some((value) => values.includes(value.trim())) : values.some(Boolean);
    part.hidden = !shown;
    for (const control of part.querySelectorAll("input, select, textarea, button")) control.disabled = !shown;
  }
}

export function showWhenChosen() {
  const forms = new Set([...document.querySelectorAll("[data-shown-when]")].map((part) => part.closest("form")));
  for (const form of forms) {
    if (!form) continue;
    form.addEventListener("change", () => refresh(form));
    form.addEventListener("restored", () => refresh(form));
    refresh(form);
  }
}
