// Pages that wait: data-poll="3" asks again every 3 seconds (slower the longer it takes), data-countdown="60" keeps
// a button shut for so many seconds.
import { digits, text } from "./texts.js";

export function pollPages() {
  const page = document.querySelector("[data-poll]");
  if (!page) return;
  const started = Number(sessionStorage.getItem("kartabl-poll-since")) || Date.now();
  sessionStorage.setItem("kartabl-poll-since", started);
  const patience = Math.min(10, 1 + (Date.now() - started) / 30_000); // after 5 minutes ten times as slow
  setTimeout(() => {
    if (page.dataset.pollUrl) location.assign(page.dataset.pollUrl);
    else location.reload();
  }, Number(page.dataset.poll) * 1000 * patience);
}

export function countDown() {
  if (!document.querySelector("[data-poll]")) sessionStorage.removeItem("kartabl-poll-since");
  for (const button of document.querySelectorAll("button[data-countdown]")) {
    const words = button.parentElement.querySelector("[data-countdown-text]");
    const until = Date.now() + Number(button.dataset.countdown) * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      button.disabled = left > 0;
      button.toggleAttribute("data-disabled", left > 0);
      if (words) words.textContent = left > 0 ? text("seconds_left", { number: digits(left) }) : "";
      if (left > 0) setTimeout(tick, 1000);
    };
    tick();
  }
}
