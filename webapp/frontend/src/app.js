// Page behaviours. Every page works without them; each one is switched on by a data attribute in the markup.
import "./jalali-date.js";
import { keepTypedText } from "./kept-text.js";
import { followMenus } from "./menus.js";
import { showWhenChosen } from "./shown-when.js";
import { guardSubmits } from "./submits.js";
import { groupThousands } from "./rials.js";
import { checkFiles } from "./files.js";
import { waitForFiles } from "./uploads.js";
import { countDown, pollPages } from "./waiting.js";

showWhenChosen();
checkFiles();
waitForFiles();
keepTypedText();
guardSubmits();
groupThousands();
countDown();
pollPages();
followMenus();
document.querySelector("[data-focus]")?.focus();
for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());
