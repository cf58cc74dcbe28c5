// A case on its diagram: read only, with the way it went, the steps that are done and those that wait.
//
//   <div class="diagram" data-diagram-url="/cases/…/diagram.xml" role="group" aria-label="…">
//     <script type="application/json">{"finished": [ids], "waiting": [ids], "flows": [ids]}</script>
//   </div>
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-js.css";
import "./css/viewer.css";
import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import { element, icon, text } from "./texts.js";

const FONT = { fontFamily: "Vazirmatn", fontSize: 12 };
const STEP = 60; // pixels an arrow key moves the picture
const READABLE = 0.85; // a picture shrunk further than this cannot be read: then only its part is shown
const MARGIN = 24;

/** The flows between finished steps, when the page does not name them. */
function flowsBetween(registry, finished, waiting) {
  const reached = new Set([...finished, ...waiting]);
  return registry
    .filter((shape) => shape.waypoints && finished.has(shape.source?.id) && reached.has(shape.target?.id))
    .map((shape) => shape.id);
}

function mark(viewer, marks) {
  const [canvas, registry, overlays] = ["canvas", "elementRegistry", "overlays"].map((name) => viewer.get(name));
  const known = (ids) => (ids ?? []).filter((id) => registry.get(id));
  const finished = known(marks.finished);
  const waiting = known(marks.waiting);
  const flows = known(marks.flows ?? flowsBetween(registry, new Set(finished), new Set(waiting)));
  for (const id of finished) if (!waiting.includes(id)) canvas.addMarker(id, "is-finished");
  for (const id of flows) canvas.addMarker(id, "is-finished-flow");
  for (const id of waiting) {
    canvas.addMarker(id, "is-waiting");
    const label = element("span", { className: "diagram__flag" }, text("waiting"));
    overlays.add(id, { position: { top: -14, left: 6 }, html: label, show: { minZoom: 0.3 } });
  }
}

function tools(viewer, box) {
  const canvas = viewer.get("canvas");
  const button = (name, label, act) => {
    const made = element("button", { type: "button", className: "btn btn-outline btn-sm", "aria-label": label, title: label }, icon(name));
    made.addEventListener("click", act);
    return made;
  };
  const zoom = (factor) => canvas.zoom(Math.min(4, Math.max(0.15, canvas.zoom() * factor)));
  const fit = () => canvas.zoom("fit-viewport", "auto");
  const words = box.dataset;
  const bar = element("div", { className: "diagram__tools" },
    button("zoom-in", words.zoomIn ?? "+", () => zoom(1.25)),
    button("zoom-out", words.zoomOut ?? "-", () => zoom(0.8)),
    button("zoom-scan", words.zoomFit ?? "fit", fit));
  const scrolls = { ArrowLeft: { dx: STEP, dy: 0 }, ArrowRight: { dx: -STEP, dy: 0 }, ArrowUp: { dx: 0, dy: STEP }, ArrowDown: { dx: 0, dy: -STEP } };
  box.addEventListener("keydown", (event) => {
    if (scrolls[event.key]) canvas.scroll(scrolls[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });
  return bar;
}

/** What is to be seen first: what waits, else where the case ended, else anything that was done. */
function placeOf(registry, { waiting = [], finished = [] }) {
  const shapes = (ids) => ids.map((id) => registry.get(id)).filter((shape) => Number.isFinite(shape?.x));
  const ends = shapes(finished).filter((shape) => shape.type === "bpmn:EndEvent" && shape.parent.type !== "bpmn:SubProcess");
  return [...shapes(waiting), ...ends, ...shapes(finished)][0];
}

/** All of the picture if it stays readable, else the part around the case's place. */
function lookAt(viewer, box, marks) {
  const [canvas, registry] = ["canvas", "elementRegistry"].map((name) => viewer.get(name));
  const { inner } = canvas.viewbox();
  const width = box.clientWidth;
  if (!width || !inner.width) return;
  const scale = Math.min(1, Math.max(READABLE, (width - 2 * MARGIN) / inner.width));
  box.style.blockSize = `${Math.min(box.clientHeight, inner.height * scale + 2 * MARGIN)}px`;
  canvas.resized();
  const place = placeOf(registry, marks);
  const view = { width: width / scale, height: box.clientHeight / scale };
  const start = (centre, length, from, size) =>
    length >= size ? from - (length - size) / 2 : Math.min(from + size - length + MARGIN, Math.max(from - MARGIN, centre - length / 2));
  const centre = place ? { x: place.x + place.width / 2, y: place.y + place.height / 2 } : { x: inner.x, y: inner.y };
  canvas.viewbox({
    x: start(centre.x, view.width, inner.x, inner.width), y: start(centre.y, view.height, inner.y, inner.height), ...view,
  });
}

async function show(box) {
  const marks = JSON.parse(box.querySelector("script")?.textContent || "{}");
  const surface = element("div", { className: "diagram__surface" });
  const viewer = new NavigatedViewer({ container: surface, textRenderer: { defaultStyle: FONT, externalStyle: FONT } });
  box.append(surface);
  const [answer] = await Promise.all([fetch(box.dataset.diagramUrl, { credentials: "same-origin" }), document.fonts.load("12px Vazirmatn", "آ")]);
  if (!answer.ok) throw new Error(`The diagram answered ${answer.status}`);
  const xml = await answer.text();
  if (!xml.includes("BPMNDiagram")) { // nobody has drawn it: a process may also be written
    tellFailed(box);
    return;
  }
  await viewer.importXML(xml);
  mark(viewer, marks);
  viewer.get("zoomScroll").toggle(false); // the wheel scrolls the page; the buttons and keys zoom
  lookAt(viewer, box, marks);
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (!box.clientWidth || box.clientWidth === width) return;
    width = box.clientWidth;
    box.style.blockSize = "";
    lookAt(viewer, box, marks);
  }).observe(box);
  box.tabIndex = 0;
  box.before(tools(viewer, box));
}

function tellFailed(box) {
  box.replaceChildren(element("p", { className: "muted" }, text("diagram_failed")));
}

for (const box of document.querySelectorAll("[data-diagram-url]")) {
  show(box).catch((error) => {
    console.error(error);
    tellFailed(box);
  });
}
