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
      const row = () => cells.columns(selected);
      const by = {
        ArrowRight: () => 1, ArrowLeft: () => -1, ArrowDown: row, ArrowUp: () => -row(),
        PageDown: () => 10 * row(), PageUp: () => -10 * row(), Home: () => -selected, End: () => nodes.length,
      }[event.key];
      if (!by || event.altKey || event.ctrlKey || event.metaKey) return; // Those are the browser's.
      event.preventDefault();
      cells.choose(Math.min(Math.max(selected + by(), 0), nodes.length - 1));
    });
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cells?.recolor());

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
