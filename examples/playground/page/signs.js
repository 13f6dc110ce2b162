// What the letters of the engine mean: a sign, so that color is not all, and words.
export const meanings = [
  ["u", "✓", "updated, available"],
  ["o", "•", "old template, available"],
  ["s", "◔", "starting"],
  ["x", "✕", "broken"],
  ["t", "↓", "terminating"],
  ["w", "2", "two pods, a surge"],
  ["m", "○", "needs a pod"],
  ["k", "!", "pod where none belongs"],
  ["n", "–", "does not run here"],
];

// The signs as lines on a square of 15, for a canvas. As text they take a second font there, and the
// browser looks for it for a tenth of a second or more.
export const lines = {
  u: "M3.5 8 6.5 11 11.5 4.5",
  o: "M7.5 7V8",
  s: "M7.5 7.5V3.5A4 4 0 1 0 11.5 7.5Z",
  x: "M4 4 11 11M11 4 4 11",
  t: "M7.5 3.5V11M4.5 8 7.5 11 10.5 8",
  w: "M5 6A2.5 2.5 0 1 1 9.5 7.5L5 11.5H10.5",
  m: "M7.5 4A3.5 3.5 0 1 0 7.6 4Z",
  k: "M7.5 3.5V8.5M7.5 11V11.5",
  n: "M4.5 7.5H10.5",
};

// The borders of cells, by a mark that has them.
export const borders = [
  ["d", "not ready, cordoned, tainted or ignored"],
  ["b", "uses the budget"],
];

const marks = { d: "not ready", c: "cordoned", t: "tainted by you", i: "ignored by the policy", b: "uses the budget" };
const byCode = Object.fromEntries(meanings.map(([code, sign, text]) => [code, { sign, text }]));

export const sign = (code) => byCode[code].sign;
export const words = (code, mark) => byCode[code].text + (marks[mark] ? ", " + marks[mark] : "");
export const looks = (code, mark) => "cell c-" + code + (mark === "-" ? "" : " k-" + mark);
