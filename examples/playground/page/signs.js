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
