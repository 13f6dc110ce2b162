// The nodes as a list box of cells: one of them can be reached by Tab, the arrows go on from there.

// What the letters of the engine mean: a sign, so that color is not all, and words.
export const meanings = {
  u: ["✓", "updated, available"],
  o: ["•", "old template, available"],
  s: ["◔", "starting"],
  x: ["✕", "broken"],
  t: ["↓", "terminating"],
  2: ["2", "two pods, a surge"],
  m: ["○", "needs a pod"],
  k: ["!", "pod where none belongs"],
  n: ["–", "does not run here"],
};

export const marks = {
  d: "not ready", c: "cordoned", t: "tainted by you", i: "ignored by the policy", b: "uses the budget",
};

// Above this number of nodes the cells are small and have no names.
const few = 120;

const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

export function createGrid(parent, { onSelect, onPeek }) {
  const box = document.createElement("div");
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", "Nodes");
  parent.append(box);
  let nodes = [];
  let cells = []; // elements
  let codes = "";
  let kept = "";
  let selected = -1;

  const label = (i, code, mark) => nodes[i].name + ": " + meanings[code][1] + (marks[mark] ? ", " + marks[mark] : "");
  const looks = (code, mark) => "cell c-" + code + (mark === "-" ? "" : " k-" + mark);

  function build(view) {
    nodes = view.nodes;
    const small = nodes.length > few;
    box.className = small ? "many" : "";
    const html = [];
    for (let i = 0; i < nodes.length; i++) {
      if (i === 0 || nodes[i].zone !== nodes[i - 1].zone) {
        if (i > 0) html.push("</div></div>");
        const zone = escape(nodes[i].zone || "no zone");
        html.push(`<div role="group" aria-label="${zone}"><div class="zone" aria-hidden="true">${zone}</div><div class="cells" role="presentation">`);
      }
      const code = view.cells[i], mark = view.marks[i], name = escape(nodes[i].name);
      html.push(`<div role="option" aria-selected="false" tabindex="-1" class="${looks(code, mark)}" data-i="${i}" aria-label="${escape(label(i, code, mark))}">`);
      html.push(small ? meanings[code][0] : `<span class="name">${meanings[code][0]} ${name}</span><span class="pod"></span>`);
      html.push("</div>");
    }
    if (nodes.length > 0) html.push("</div></div>");
    box.innerHTML = html.join("");
    cells = [...box.querySelectorAll(".cell")];
    codes = view.cells;
    kept = view.marks;
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

  // columns is how many cells a row has.
  function columns(i) {
    const top = cells[i].offsetTop;
    let from = i, to = i;
    while (from > 0 && cells[from - 1].offsetTop === top) from--;
    while (to < cells.length - 1 && cells[to + 1].offsetTop === top) to++;
    return Math.max(1, to - from + 1);
  }

  const indexOf = (target) => {
    const cell = target.closest?.(".cell");
    return cell && box.contains(cell) ? Number(cell.dataset.i) : -1;
  };

  box.addEventListener("keydown", (event) => {
    const i = indexOf(event.target);
    if (i < 0) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(i), ArrowUp: -columns(i), PageDown: 10 * columns(i), PageUp: -10 * columns(i), Home: -i, End: cells.length - 1 - i }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const to = Math.min(Math.max(i + by, 0), cells.length - 1);
    select(to, true);
    onSelect(nodes[to].name);
  });
  box.addEventListener("click", (event) => {
    const i = indexOf(event.target);
    if (i < 0) return;
    select(i, true);
    onSelect(nodes[i].name);
  });
  box.addEventListener("focusin", (event) => {
    const i = indexOf(event.target);
    if (i >= 0 && i !== selected) {
      select(i, false);
      onSelect(nodes[i].name);
    }
  });
  box.addEventListener("pointerover", (event) => {
    const i = indexOf(event.target);
    if (i >= 0) onPeek(nodes[i].name);
  });
  box.addEventListener("pointerleave", () => onPeek(null));

  return {
    show(view) {
      if (view.nodes) build(view);
      for (let i = 0; i < cells.length; i++) {
        const code = view.cells[i], mark = view.marks[i];
        if (code !== codes[i] || mark !== kept[i]) {
          const cell = cells[i];
          cell.className = looks(code, mark);
          cell.setAttribute("aria-label", label(i, code, mark));
          if (nodes.length > few) cell.textContent = meanings[code][0];
          else cell.firstChild.textContent = meanings[code][0] + " " + nodes[i].name;
        }
        if (view.pods && nodes.length <= few) {
          const pod = cells[i].lastChild;
          const text = view.pods[i] || (code === "m" ? "no pod yet" : "no pod");
          if (pod.textContent !== text) pod.textContent = text;
        }
      }
      codes = view.cells;
      kept = view.marks;
    },
    // select selects a node by its name, or else the first that runs the pod.
    select(name) {
      let i = nodes.findIndex((n) => n.name === name);
      if (i < 0) i = Math.max(0, [...codes].findIndex((c) => c !== "n"));
      select(i, false);
      return nodes[i]?.name ?? "";
    },
    zone: (name) => nodes.find((n) => n.name === name)?.zone ?? "",
  };
}
