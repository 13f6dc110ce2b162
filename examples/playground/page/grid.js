// The nodes as a list box: one cell can be reached by Tab, the arrows go on from there.
import { createCells } from "./cells.js";
import { createMosaic } from "./mosaic.js";

// Above this number of nodes the cells are small and have no names.
const few = 120;

export function createGrid(parent, { onSelect, onPeek }) {
  let box, cells;
  let nodes = [];
  let codes = "";
  let selected = 0;
  const handlers = {
    onSelect(i) {
      selected = i;
      onSelect(nodes[i].name);
    },
    onPeek: (i) => onPeek(i < 0 ? null : nodes[i].name),
  };

  function build() {
    if (nodes.length === 0) { // A list box has options.
      const none = document.createElement("p");
      none.textContent = "no nodes";
      none.className = "hint";
      parent.replaceChildren(none);
      cells = null;
      return;
    }
    box = document.createElement("div");
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Nodes");
    box.className = nodes.length > few ? "mosaic" : "";
    parent.replaceChildren(box);
    cells = nodes.length > few ? createMosaic(box, handlers) : createCells(box, handlers);
    box.addEventListener("pointerleave", () => onPeek(null));
    box.addEventListener("keydown", (event) => {
      const last = nodes.length - 1;
      const to = {
        ArrowRight: () => Math.min(selected + 1, last), ArrowLeft: () => Math.max(selected - 1, 0), ArrowDown: () => down(1), ArrowUp: () => down(-1),
        PageDown: () => down(10), PageUp: () => down(-10), Home: () => 0, End: () => last,
      }[event.key];
      if (!to || event.altKey || event.ctrlKey || event.metaKey) return; // Those are the browser's.
      event.preventDefault();
      cells.choose(to());
    });
  }

  // down returns the cell so many rows below the selected one, or above it: in its column, or the last
  // one of a shorter row.
  function down(rows) {
    const [x] = cells.at(selected);
    const sameRow = (i, j) => nodes[j] && cells.at(i)[1] === cells.at(j)[1];
    let i = selected;
    for (const by = Math.sign(rows); rows !== 0; rows -= by) {
      let next = i;
      while (sameRow(i, next)) next += by;
      if (!nodes[next]) break;
      i = next;
    }
    while (cells.at(i)[0] > x) i--;
    while (sameRow(i, i + 1) && cells.at(i + 1)[0] <= x) i++;
    return i;
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cells?.recolor());
  addEventListener("resize", () => cells?.fit()); // A zoom changes the ratio of pixels, too.

  return {
    show(view) {
      if (view.nodes) {
        nodes = view.nodes;
        build();
      }
      codes = view.cells;
      cells?.show(view);
    },
    // select selects a node by its name, or else the first that runs the pod, and returns its name.
    select(name) {
      let i = nodes.findIndex((n) => n.name === name);
      if (i < 0) i = Math.max(0, [...codes].findIndex((c) => c !== "n"));
      selected = i;
      cells?.select(i, false);
      return nodes[i]?.name ?? "";
    },
    zone: (name) => nodes.find((n) => n.name === name)?.zone ?? "",
  };
}
