// The cells of a large cluster, drawn on a canvas: thousands of elements would take too long. One
// element lies over the cell that is selected, so that a screen reader has something to read.
import { lines, looks, words } from "./signs.js";

const size = 15, gap = 2, title = 20;

export function createMosaic(box, { onSelect, onPeek }) {
  box.innerHTML = `<canvas aria-hidden="true"></canvas><div role="option" id="grid-active" aria-selected="true"></div>`;
  box.tabIndex = 0;
  box.setAttribute("aria-activedescendant", "grid-active");
  const [canvas, active] = box.children;
  // The cells are pixels of ours: a graphics card in between would only copy them.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let nodes = [];
  let places = []; // [x, y]
  let zones = []; // their titles
  let codes = "";
  let marks = "";
  let selected = 0;
  let scale = 1;
  let sprites = new Map();
  let pen; // draws sprites

  // sprite returns the picture of a cell, and its rows. The colors are those of the style sheet.
  function sprite(code, mark) {
    const key = code + mark;
    const known = sprites.get(key);
    if (known) return known;
    const probe = document.createElement("div");
    probe.className = looks(code, mark);
    probe.style.display = "none";
    box.append(probe);
    const style = getComputedStyle(probe);
    const [back, front, edge, kind] = [style.backgroundColor, style.color, style.borderTopColor, style.borderTopStyle];
    probe.remove();
    const side = Math.floor(size * scale);
    if (pen?.canvas.width !== side) pen = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
    const c = pen;
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, size, size);
    c.fillStyle = back;
    c.fillRect(0, 0, size, size);
    if (edge !== "rgba(0, 0, 0, 0)") {
      c.strokeStyle = edge;
      c.lineWidth = kind === "double" ? 3 : 2;
      if (kind === "dashed") c.setLineDash([3, 2]);
      c.strokeRect(1, 1, size - 2, size - 2);
    }
    c.setLineDash([]);
    c.strokeStyle = front;
    c.lineWidth = 1.5;
    c.lineCap = c.lineJoin = "round";
    c.stroke(new Path2D(lines[code]));
    const picture = c.getImageData(0, 0, side, side);
    const pixels = new Uint32Array(picture.data.buffer);
    const rows = Array.from({ length: side }, (_, row) => pixels.subarray(row * side, (row + 1) * side));
    sprites.set(key, { picture, rows });
    return sprites.get(key);
  }

  // corner is where a cell begins, in pixels of the canvas.
  const corner = (i) => places[i].map((at) => Math.floor(at * scale));
  const drawCell = (i) => context.putImageData(sprite(codes[i], marks[i]).picture, ...corner(i));

  function layOut() {
    scale = devicePixelRatio;
    const width = Math.max(box.clientWidth, size + gap);
    const across = Math.max(1, Math.floor((width + gap) / (size + gap)));
    places = new Array(nodes.length);
    for (const zone of zones) zone.remove();
    zones = [];
    let x = 0, y = 0;
    for (let i = 0; i < nodes.length; i++) {
      if (i === 0 || nodes[i].zone !== nodes[i - 1].zone) {
        if (i > 0) y += size + gap;
        zones.push(titleOf(nodes[i].zone, y));
        x = 0;
        y += title;
      } else if (++x === across) {
        x = 0;
        y += size + gap;
      }
      places[i] = [x * (size + gap), y];
    }
    box.prepend(...zones);
    const height = y + size;
    canvas.width = Math.ceil(width * scale);
    canvas.height = Math.ceil(height * scale);
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    drawAll();
  }

  // titleOf is the title of a zone: as text on the canvas it would take a search for a font.
  function titleOf(zone, y) {
    const e = document.createElement("div");
    e.className = "zone";
    e.setAttribute("aria-hidden", "true");
    e.textContent = zone || "no zone";
    e.style.top = y + "px";
    return e;
  }

  function drawAll() {
    sprites = new Map();
    // All cells at once: to draw them one by one takes many times as long.
    const all = new ImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(all.data.buffer);
    for (let i = 0; i < nodes.length; i++) {
      const { rows } = sprite(codes[i], marks[i]);
      const [x, y] = corner(i);
      for (let row = 0, at = y * canvas.width + x; row < rows.length; row++, at += canvas.width) pixels.set(rows[row], at);
    }
    context.putImageData(all, 0, 0);
    showActive();
  }

  function showActive() {
    if (!nodes[selected]) return;
    const [x, y] = places[selected];
    active.style.transform = `translate(${x}px, ${y}px)`;
    active.setAttribute("aria-label", nodes[selected].name + ": " + words(codes[selected], marks[selected]));
    active.setAttribute("aria-posinset", String(selected + 1));
    active.setAttribute("aria-setsize", String(nodes.length));
  }

  function select(i) {
    if (i < 0 || i >= nodes.length) return;
    selected = i;
    showActive();
  }

  function indexAt(event) {
    const at = canvas.getBoundingClientRect();
    const x = event.clientX - at.left, y = event.clientY - at.top;
    // The last cell that begins above and left of the pointer: rows are in order.
    let low = 0, high = nodes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [px, py] = places[middle];
      if (py + size + gap <= y || (py <= y && px + size + gap <= x)) low = middle + 1;
      else high = middle;
    }
    if (low >= nodes.length) return -1;
    const [px, py] = places[low];
    return px <= x && py <= y && x < px + size && y < py + size ? low : -1;
  }

  const choose = (i) => {
    if (i < 0) return;
    select(i);
    active.scrollIntoView({ block: "nearest" });
    onSelect(i);
  };
  box.addEventListener("click", (event) => choose(indexAt(event)));
  let over = -1;
  box.addEventListener("pointermove", (event) => {
    const i = indexAt(event);
    if (i === over) return;
    over = i;
    onPeek(i);
  });
  box.addEventListener("pointerleave", () => { over = -1; });
  // fit lays out again if the width or the ratio of pixels is another one.
  function fit() {
    if (nodes.length > 0 && Math.ceil(Math.max(box.clientWidth, size + gap) * devicePixelRatio) !== canvas.width) layOut();
  }
  new ResizeObserver(fit).observe(box);
  canvas.addEventListener("contextrestored", () => { if (nodes.length > 0) drawAll(); }); // It is empty then.

  return {
    show(view) {
      if (view.nodes) {
        nodes = view.nodes;
        codes = view.cells;
        marks = view.marks;
        layOut();
        return;
      }
      const [oldCodes, oldMarks] = [codes, marks];
      codes = view.cells;
      marks = view.marks;
      for (let i = 0; i < nodes.length; i++) {
        if (codes[i] !== oldCodes[i] || marks[i] !== oldMarks[i]) {
          drawCell(i);
        }
      }
      showActive();
    },
    select,
    at: (i) => places[i],
    recolor: drawAll,
    fit,
    choose,
  };
}
