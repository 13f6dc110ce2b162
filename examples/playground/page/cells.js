// The cells of a small cluster: an element for each node, with the names of node and pod.
import { looks, sign, words } from "./signs.js";

const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

export function createCells(box, { onSelect, onPeek }) {
  let nodes = [];
  let cells = [];
  let codes = "";
  let marks = "";
  let selected = -1;

  function build(view) {
    nodes = view.nodes;
    const html = [];
    for (let i = 0; i < nodes.length; i++) {
      if (i === 0 || nodes[i].zone !== nodes[i - 1].zone) {
        if (i > 0) html.push("</div></div>");
        const zone = escape(nodes[i].zone || "no zone");
        html.push(`<div role="group" aria-label="${zone}"><div class="zone" aria-hidden="true">${zone}</div><div class="cells" role="presentation">`);
      }
      html.push(`<div role="option" aria-selected="false" tabindex="-1" data-i="${i}" data-node="${escape(nodes[i].name)}">` +
        `<span class="name"><span aria-hidden="true"></span> ${escape(nodes[i].name)}</span><span class="pod"></span><span class="sr"></span></div>`);
    }
    if (nodes.length > 0) html.push("</div></div>");
    box.innerHTML = html.join("");
    cells = [...box.querySelectorAll("[role=option]")];
    codes = marks = "";
    selected = -1;
  }

  function select(i, focus) {
    if (i < 0 || i >= cells.length) return;
    if (selected >= 0) {
      cells[selected].setAttribute("aria-selected", "false");
      cells[selected].tabIndex = -1;
    }
    selected = i;
    cells[i].setAttribute("aria-selected", "true");
    cells[i].tabIndex = 0;
    if (focus) cells[i].focus();
  }

  const indexOf = (target) => {
    const cell = target.closest?.("[role=option]");
    return cell && box.contains(cell) ? Number(cell.dataset.i) : -1;
  };
  const choose = (i, focus) => {
    if (i < 0) return;
    select(i, focus);
    onSelect(i);
  };
  box.addEventListener("click", (event) => choose(indexOf(event.target), true));
  box.addEventListener("focusin", (event) => {
    const i = indexOf(event.target);
    if (i !== selected) choose(i, false);
  });
  box.addEventListener("pointerover", (event) => {
    const i = indexOf(event.target);
    if (i >= 0) onPeek(i);
  });

  return {
    show(view) {
      if (view.nodes) build(view);
      for (let i = 0; i < cells.length; i++) {
        const code = view.cells[i], mark = view.marks[i];
        const [name, pod, says] = cells[i].children;
        if (code !== codes[i] || mark !== marks[i]) {
          cells[i].className = looks(code, mark);
          name.firstChild.textContent = sign(code);
          says.textContent = words(code, mark);
        }
        const text = view.pods?.[i] || (code === "m" ? "no pod yet" : "no pod");
        if (pod.textContent !== text) pod.textContent = text;
      }
      codes = view.cells;
      marks = view.marks;
    },
    select,
    at: (i) => [cells[i].offsetLeft, cells[i].offsetTop],
    recolor() {}, // The style sheet does these.
    fit() {},
    choose: (i) => choose(i, true),
  };
}
