// <jalali-date><input></jalali-date>: adds a calendar of the Jalali year to a text field, after the date picker
// dialog pattern of the ARIA Authoring Practices. The field stays a text field: a date may be typed as well.
// The field's data-min and data-max ("1405/08/30") shut the days outside.
import { isValidJalaaliDate, jalaaliMonthLength, j2d, toJalaali } from "jalaali-js";
import { digits, element, icon, persian, plainDigits, rightToLeft, text } from "./texts.js";

const MONTHS = persian
  ? ["فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"]
  : ["Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar", "Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand"];
const WEEKDAYS = persian
  ? ["شنبه", "یکشنبه", "دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه"]
  : ["Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];
const SHORT = persian ? ["ش", "ی", "د", "س", "چ", "پ", "ج"] : ["Sa", "Su", "Mo", "Tu", "We", "Th", "Fr"];

const dayNumber = ({ jy, jm, jd }) => j2d(jy, jm, jd);
const weekday = (date) => (dayNumber(date) + 2) % 7; // Saturday is 0

function today() {
  const parts = new Intl.DateTimeFormat("en-u-ca-gregory", { timeZone: "Asia/Tehran", year: "numeric", month: "numeric", day: "numeric" })
    .formatToParts(new Date());
  const [gy, gm, gd] = ["year", "month", "day"].map((type) => Number(parts.find((part) => part.type === type).value));
  return toJalaali(gy, gm, gd);
}

function parse(value) {
  const match = plainDigits(value ?? "").trim().match(/^(\d{4})[/\-.](\d{1,2})[/\-.](\d{1,2})(?:\s.*)?$/);
  if (!match) return null;
  const [jy, jm, jd] = match.slice(1).map(Number);
  return isValidJalaaliDate(jy, jm, jd) ? { jy, jm, jd } : null;
}

function format({ jy, jm, jd }) {
  return digits(`${jy}/${String(jm).padStart(2, "0")}/${String(jd).padStart(2, "0")}`);
}

function addMonths(date, count) {
  const months = date.jy * 12 + date.jm - 1 + count;
  const jy = Math.floor(months / 12);
  const jm = (months % 12) + 1;
  return { jy, jm, jd: Math.min(date.jd, jalaaliMonthLength(jy, jm)) };
}

function addDays(date, count) {
  let { jy, jm, jd } = date;
  jd += count;
  while (jd < 1) {
    ({ jy, jm } = addMonths({ jy, jm, jd: 1 }, -1));
    jd += jalaaliMonthLength(jy, jm);
  }
  while (jd > jalaaliMonthLength(jy, jm)) {
    jd -= jalaaliMonthLength(jy, jm);
    ({ jy, jm } = addMonths({ jy, jm, jd: 1 }, 1));
  }
  return { jy, jm, jd };
}

class JalaliDate extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    if (!this.input || this.button || this.input.readOnly) return;
    this.input.dir = "ltr";
    this.button = element("button", { type: "button", className: "jalali__open", "aria-haspopup": "dialog" }, icon("calendar"));
    this.button.addEventListener("click", () => (this.dialog ? this.close() : this.open()));
    this.append(this.button);
    this.nameButton();
    this.input.addEventListener("change", () => this.nameButton());
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && event.altKey) this.open();
    });
    this.outside = (event) => { if (this.dialog && !this.contains(event.target)) this.close(false); };
    document.addEventListener("pointerdown", this.outside);
  }

  disconnectedCallback() {
    document.removeEventListener("pointerdown", this.outside);
  }

  nameButton() {
    const chosen = parse(this.input.value);
    this.button.setAttribute("aria-label", chosen ? `${text("choose_date")}: ${this.inWords(chosen)}` : text("choose_date"));
  }

  inWords(date) {
    return `${WEEKDAYS[weekday(date)]} ${digits(date.jd)} ${MONTHS[date.jm - 1]} ${digits(date.jy)}`;
  }

  allowed(date) {
    const [least, most] = [parse(this.input.dataset.min), parse(this.input.dataset.max)];
    const day = dayNumber(date);
    return !(least && day < dayNumber(least)) && !(most && day > dayNumber(most));
  }

  open() {
    if (this.dialog || this.input.disabled) return;
    this.today = today();
    this.chosen = parse(this.input.value);
    this.focused = this.chosen ?? this.today;
    this.heading = element("span", { className: "jalali__month", "aria-live": "polite" });
    const step = (key, months, name) => {
      const button = element("button", { type: "button", className: "jalali__step", "aria-label": text(key) }, icon(name, "icon--directional"));
      button.addEventListener("click", () => this.move(addMonths(this.focused, months), false));
      return button;
    };
    const head = element("div", { className: "jalali__head" },
      step("previous_year", -12, "chevrons-left"), step("previous_month", -1, "chevron-left"), this.heading,
      step("next_month", 1, "chevron-right"), step("next_year", 12, "chevrons-right"));
    this.grid = element("table", { className: "jalali__grid", role: "grid" });
    this.grid.addEventListener("keydown", (event) => this.onGridKey(event));
    const now = element("button", { type: "button", className: "btn btn-link" }, text("today"));
    now.addEventListener("click", () => this.move(this.today));
    const close = element("button", { type: "button", className: "btn btn-link" }, text("close"));
    close.addEventListener("click", () => this.close());
    this.dialog = element("div", { className: "jalali__dialog", role: "dialog", "aria-modal": "true", "aria-label": text("choose_date") },
      head, this.grid, element("div", { className: "jalali__foot" }, now, close),
      element("p", { className: "visually-hidden", "aria-live": "polite" }, text("date_keys")));
    this.dialog.addEventListener("keydown", (event) => this.onDialogKey(event));
    this.append(this.dialog);
    this.button.setAttribute("aria-expanded", "true");
    this.move(this.focused);
    this.dialog.scrollIntoView({ block: "nearest" });
  }

  close(returnFocus = true) {
    this.dialog?.remove();
    this.dialog = null;
    this.button.setAttribute("aria-expanded", "false");
    if (returnFocus) this.button.focus();
  }

  choose(date) {
    if (!this.allowed(date)) return;
    this.input.value = format(date);
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
    this.close();
  }

  move(date, focus = true) {
    this.focused = date;
    this.heading.textContent = `${MONTHS[date.jm - 1]} ${digits(date.jy)}`;
    this.grid.setAttribute("aria-label", this.heading.textContent);
    this.drawMonth();
    if (focus) this.grid.querySelector("[tabindex='0']").focus();
  }

  drawMonth() {
    const { jy, jm } = this.focused;
    const names = WEEKDAYS.map((name, index) => element("th", { scope: "col", abbr: name }, SHORT[index]));
    const weeks = [];
    let week = Array.from({ length: weekday({ jy, jm, jd: 1 }) }, () => element("td"));
    for (let jd = 1; jd <= jalaaliMonthLength(jy, jm); jd += 1) {
      week.push(this.drawDay({ jy, jm, jd }));
      if (week.length === 7) weeks.push(week.splice(0));
    }
    if (week.length) weeks.push([...week, ...Array.from({ length: 7 - week.length }, () => element("td"))]);
    this.grid.replaceChildren(element("thead", {}, element("tr", {}, ...names)),
      element("tbody", {}, ...weeks.map((days) => element("tr", {}, ...days))));
  }

  drawDay(date) {
    const same = (other) => other && dayNumber(other) === dayNumber(date);
    const cell = element("td", { className: "jalali__day", role: "gridcell", tabIndex: same(this.focused) ? 0 : -1 }, digits(date.jd));
    cell.setAttribute("aria-label", this.inWords(date));
    cell.setAttribute("aria-selected", String(Boolean(same(this.chosen))));
    if (same(this.today)) cell.setAttribute("aria-current", "date");
    if (!this.allowed(date)) cell.setAttribute("aria-disabled", "true");
    cell.addEventListener("click", () => this.choose(date));
    return cell;
  }

  onGridKey(event) {
    const onwards = rightToLeft ? "ArrowLeft" : "ArrowRight";
    const backwards = rightToLeft ? "ArrowRight" : "ArrowLeft";
    const moves = {
      [onwards]: (date) => addDays(date, 1),
      [backwards]: (date) => addDays(date, -1),
      ArrowDown: (date) => addDays(date, 7),
      ArrowUp: (date) => addDays(date, -7),
      Home: (date) => addDays(date, -weekday(date)),
      End: (date) => addDays(date, 6 - weekday(date)),
      PageUp: (date) => addMonths(date, event.shiftKey ? -12 : -1),
      PageDown: (date) => addMonths(date, event.shiftKey ? 12 : 1),
    };
    if (event.key === "Enter" || event.key === " ") this.choose(this.focused);
    else if (moves[event.key]) this.move(moves[event.key](this.focused));
    else return;
    event.preventDefault();
  }

  onDialogKey(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab") {
      const stops = [...this.dialog.querySelectorAll("button, [tabindex='0']")];
      const edge = event.shiftKey ? stops[0] : stops.at(-1);
      if (document.activeElement !== edge) return;
      event.preventDefault();
      (event.shiftKey ? stops.at(-1) : stops[0]).focus();
    }
  }
}

customElements.define("jalali-date", JalaliDate);
