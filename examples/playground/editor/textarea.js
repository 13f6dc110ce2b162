// A plain editor with line numbers, for a machine without npm. codemirror.js has the same
// functions.
export const kind = "textarea";

export function createEditor(parent, { label, onChange }) {
  const gutter = document.createElement("pre");
  gutter.className = "plain-lines";
  gutter.setAttribute("aria-hidden", "true");
  const area = document.createElement("textarea");
  area.className = "plain-text";
  area.setAttribute("aria-label", label);
  area.spellcheck = false;
  area.wrap = "off";
  const box = document.createElement("div");
  box.className = "plain";
  box.append(gutter, area);
  parent.append(box);
  let marks = new Map();
  const number = () => {
    const lines = area.value.split("\n").length;
    const out = [];
    for (let i = 1; i <= lines; i++) out.push((marks.has(i) ? "! " : "") + i);
    gutter.textContent = out.join("\n");
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  area.addEventListener("input", () => { number(); onChange(); });
  return {
    get: () => area.value,
    set(text) {
      if (text === area.value) return;
      area.value = text;
      marks = new Map();
      number();
    },
    goTo(n) {
      const lines = area.value.split("\n");
      const from = lines.slice(0, n - 1).join("\n").length + (n > 1 ? 1 : 0);
      area.focus();
      area.setSelectionRange(from, from + (lines[n - 1] || "").length);
      area.scrollTop = Math.max(0, (n - 5) * 19.5);
    },
    mark(list) {
      marks = new Map(list.map((m) => [m.line, m]));
      number();
    },
  };
}
