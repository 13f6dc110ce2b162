// The page: it shows what the engine says and sends it what the user does.
import { startEngine } from "./engine.js";
import { createEditor, kind as editorKind } from "./editor.js";
import { createGrid } from "./grid.js";
import { borders, looks, meanings } from "./signs.js";
import { createTimeline } from "./timeline.js";
import { fromFragment, longest } from "./link.js";

const $ = (id) => document.getElementById(id);
const element = (name, text, className) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};
const say = (text) => { $("status").textContent = text; };
// enable says whether a button has an effect. One that is disabled would lose the focus.
const enable = (id, on) => $(id).setAttribute("aria-disabled", String(!on));

document.documentElement.dataset.editor = editorKind;

let ask;
let view = null;
let node = ""; // the selected one
let fragment = ""; // of the state on the screen

const editors = {
  manifest: createEditor($("panel-manifest"), { label: "DaemonSet manifest", onChange: edited }),
  cluster: createEditor($("panel-cluster"), { label: "Nodes and pods", onChange: edited }),
};
const grid = createGrid($("grid"), { onSelect: choose, onPeek: peek });
const timeline = createTimeline($("timeline"), { onSeek: seek });

const texts = () => ({ manifest: editors.manifest.get(), cluster: editors.cluster.get() });

const sameTexts = (t) => t.manifest === editors.manifest.get() && t.cluster === editors.cluster.get();

function setTexts(t) {
  editors.manifest.set(t.manifest);
  editors.cluster.set(t.cluster);
}

// send asks the engine and shows the answer.
async function send(request) {
  const response = await ask(request);
  take(request, response);
  return response;
}

function take(request, response) {
  $("policy-error").textContent = request.do === "policy" && response.error ? response.error : "";
  if (response.error && request.do !== "policy") say(response.error);
  else say("");
  if (response.texts && !response.error) {
    // What was typed while the engine worked stays.
    if (!request.texts || sameTexts(request.texts)) setTexts(response.texts);
    else say("The text has changed: try again.");
  }
  if (response.frames) frames(response);
  if (response.view) show(response.view);
  if (response.draft) showDraft(response.draft);
}

function frames(response) {
  timeline.add(response.from, response.points);
  $("scrub").max = String(response.frames - 1);
  if (view) {
    view.frames = response.frames;
    view.done = response.done;
    clock();
  }
}

function clock() {
  const more = view.done ? "" : "+";
  $("clock").value = `${view.time} · frame ${view.frame} of ${view.frames - 1}${more}`;
  const scrub = $("scrub");
  scrub.value = String(wanted ?? view.frame);
  scrub.setAttribute("aria-valuetext", `frame ${view.frame} of ${view.frames - 1}, ${view.time}, ${view.available} of ${view.desired} available`);
  timeline.at(view.frame);
  for (const id of ["step", "end"]) enable(id, !atEnd());
  for (const id of ["back", "first"]) enable(id, view.frame > 0);
}

function fill(id, items) {
  $(id).replaceChildren(...items);
}

// announce fills a live region. A screen reader would read it again if nothing has changed.
function announce(id, items) {
  const next = element("div");
  next.append(...items);
  if (next.innerHTML !== $(id).innerHTML) fill(id, next.childNodes);
}

function show(v) {
  view = v;
  const word = element("span", v.state, "word " + v.state);
  const rest = v.verdict.startsWith(v.state) ? v.verdict.slice(v.state.length) : " " + v.verdict;
  announce("verdict", [word, rest]);
  fill("numbers", [["should run", v.desired], ["available", v.available], ["updated", v.updated]].map(([k, n]) => {
    const d = element("div");
    d.append(element("dt", k), element("dd", String(n)));
    return d;
  }));
  fill("blockers", [...(v.blockers ?? []).map((b) => element("li", b)), ...(v.moreBlockers ? [element("li", `and ${v.moreBlockers} more`)] : [])]);
  const b = v.budget;
  $("budget").textContent = !b ? "" : `${b.kind} ${b.limit}: ` +
    (b.users?.length ? "used by " + b.users.map((u) => `${u.node} (${u.reason})`).join(", ") + (b.more ? ` and ${b.more} more` : "") : "not used");
  $("held").textContent = v.held?.length ? "held back: " + v.held.join(", ") : "";
  announce("policy-text", [v.policy + (v.canary ? `; canary: ${v.canary}` : "")]);
  showControls(v.controls);
  $("pass-title").textContent = v.title;
  fill("pass", (v.lines ?? []).filter((l) => l !== v.title).map((l) => element("li", l)));
  const set = $("set");
  if ([...set.options].map((o) => o.value).join() !== (v.sets ?? []).join()) set.replaceChildren(...(v.sets ?? []).map((s) => new Option(s, s)));
  set.value = v.set;
  grid.show(v);
  if (v.nodes || !node) node = grid.select(node);
  clock();
  refresh();
  remember();
}

const boxes = ["paused", "zones", "strict", "ignoreDown", "ignoreCordoned", "manual"];
const fields = ["partition", "canary", "failAfter", "order"];

function showControls(c) {
  for (const id of boxes) $(id).checked = !!c[id];
  for (const id of fields) if (document.activeElement !== $(id) || $(id).tagName === "SELECT") $(id).value = c[id] ?? "";
}

for (const id of [...boxes, ...fields]) {
  $(id).addEventListener("change", () => {
    const controls = {};
    for (const box of boxes) controls[box] = $(box).checked;
    for (const field of fields) controls[field] = $(field).value.trim();
    pause();
    send({ do: "policy", controls });
  });
}
$("promote").addEventListener("click", () => { pause(); send({ do: "promote" }); });

// The node of which the details are on the screen.

let peeked = null;
let asking = false;
let again = false;

// refresh shows the details of the node under the pointer, or of the selected one, and what is broken
// on the selected one. Only one question is on its way at a time.
async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  do {
    again = false;
    const { detail, broken } = await ask({ do: "node", name: node, peek: peeked ?? "" });
    showBroken(broken ?? []);
    announce("detail", detail ? explain(detail) : []);
  } while (again);
  asking = false;
}

function explain(d) {
  const out = [element("h3", d.node)];
  const add = (text, className) => { if (text) out.push(element("p", text, className)); };
  add(d.why);
  add(d.problem, "error");
  for (const pod of d.pods ?? []) add(`${pod.name}: ${pod.state}; ${pod.image}; revision ${pod.revision}`);
  add(d.budget);
  add(d.status, "quiet");
  add([...(d.labels ?? []), ...(d.taints ?? []).map((t) => "taint " + t)].join(" · "), "quiet");
  return out;
}

function showBroken(broken) {
  for (const button of document.querySelectorAll("[data-break]")) {
    const what = button.dataset.break;
    if (what === "delete" || what === "repair") continue;
    button.setAttribute("aria-pressed", String(broken.includes(what)));
  }
}

function choose(name) {
  node = name;
  peeked = null;
  refresh();
  remember();
}

function peek(name) {
  peeked = name === node ? null : name;
  refresh();
}

for (const button of document.querySelectorAll("[data-break]")) {
  button.addEventListener("click", () => {
    const what = button.dataset.break;
    const request = { what };
    const scope = $("scope").value;
    if (scope === "node") request.node = node;
    if (scope === "zone" && grid.zone(node)) request.zone = grid.zone(node);
    else if (scope === "zone") request.node = node;
    if (what === "taint") request.taint = $("taint").value;
    pause();
    send({ do: "break", name: node, break: request });
  });
}

// The texts.

let timer = 0;

function edited() {
  clearTimeout(timer);
  timer = setTimeout(check, 250);
  enable("apply", true);
}

async function weigh() {
  const asked = texts();
  const { draft } = await ask({ do: "check", texts: asked });
  if (draft && sameTexts(asked)) showDraft(draft); // Other texts have an answer of their own.
}

async function check() {
  await weigh();
  remember();
}

function goTo(text, line) {
  tab(text);
  editors[text].goTo(line);
}

const budget = ["unavailable", "surge"]; // The default values are those of the manifest.
let begun = ""; // the start that the applied texts are those of

function showDraft(d) {
  const faults = d.faults ?? [];
  const where = (f) => (f.line ? `${f.text === "cluster" ? "nodes and pods" : "manifest"}, line ${f.line}: ` : "") + (f.field ? f.field + ": " : "");
  announce("faults", faults.map((f) => {
    const b = element("button", where(f) + f.detail);
    b.type = "button";
    b.addEventListener("click", () => goTo(f.text, f.line || 1));
    return b;
  }));
  const findings = d.findings ?? [];
  if (!faults.length || findings.length) fill("findings", findings.length ? findings.map((f) => {
    const item = element("li");
    const b = element("button");
    b.type = "button";
    b.append(element("span", f.severity, "severity " + f.severity), ` ${f.code}`, f.field ? " at " : "", f.field ? element("code", f.field) : "", ": " + f.message + (f.fix ? " " + f.fix : ""));
    b.addEventListener("click", () => goTo(f.text || "manifest", f.line || 1));
    item.append(b);
    return item;
  }) : [element("li", "no findings", "hint")]);
  for (const text of ["manifest", "cluster"]) {
    editors[text].mark([
      ...faults.filter((f) => f.text === text && f.line).map((f) => ({ line: f.line, severity: "error", message: f.detail })),
      ...findings.filter((f) => f.text === text && f.line).map((f) => ({ line: f.line, severity: f.severity, message: f.code + ": " + f.message })),
    ]);
  }
  // What was typed stays. Without a rolling update there is no budget.
  for (const id of budget) if ((d[id] || !faults.length) && d[id] !== $(id).defaultValue) $(id).value = $(id).defaultValue = d[id];
  const lists = [["changes", d.changes], ["nodes", d.nodes], ["first pass", d.writes]].filter(([, l]) => l?.length);
  announce("impact", [element("p", d.impact), ...lists.map(([name, list]) => {
    const ul = element("ul");
    ul.setAttribute("aria-label", name);
    ul.append(...list.map((l) => element("li", l)));
    return ul;
  })]);
  enable("apply", faults.length === 0 && d.changed);
  $("apply").textContent = d.restart ? "Begin with it" : "Apply";
  enable("undo", d.changed);
  $("start").value = d.changed ? "" : begun; // After an edit it can be chosen again.
}

$("apply").addEventListener("click", async () => {
  pause();
  clearTimeout(timer);
  const before = begun;
  if ($("apply").ariaDisabled !== "true") begun = ""; // The texts become those of the user,
  const { error, draft } = await send({ do: "apply", texts: texts() });
  if (error || draft?.faults?.length) begun = before; // or nothing was applied.
});
$("undo").addEventListener("click", async () => {
  const response = await ask({ do: "discard" });
  if (response.texts) setTexts(response.texts);
  check();
});
$("image").addEventListener("click", async () => {
  tab("manifest");
  const response = await send({ do: "image", texts: texts() });
  if (!response.error) check();
});
$("budget-set").addEventListener("click", async () => {
  const response = await send({ do: "budget", texts: texts(), unavailable: $("unavailable").value, surge: $("surge").value });
  if (!response.error) check();
});

function tab(name) {
  for (const other of ["manifest", "cluster"]) {
    const on = other === name;
    $("tab-" + other).setAttribute("aria-selected", String(on));
    $("tab-" + other).tabIndex = on ? 0 : -1;
    $("panel-" + other).hidden = !on;
  }
}
for (const name of ["manifest", "cluster"]) {
  $("tab-" + name).addEventListener("click", () => tab(name));
  $("tab-" + name).addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight" || event.altKey || event.ctrlKey || event.metaKey) return;
    const other = name === "manifest" ? "cluster" : "manifest";
    tab(other);
    $("tab-" + other).focus();
  });
}

// Starts, files and links.

let beginnings = 0; // on their way
let focused = null;

async function begin(request) {
  pause();
  clearTimeout(timer);
  delete document.documentElement.dataset.link;
  // Nothing on the screen is about the new state yet.
  const main = document.querySelector("main");
  if (beginnings++ === 0) focused = main.contains(document.activeElement) ? document.activeElement : null;
  main.inert = true;
  const late = setTimeout(() => say("Reading …"), 300);
  try {
    const response = await ask(request);
    if (response.view?.nodes) node = request.state?.node ?? "";
    if (response.view && !response.error && request.do !== "set") begun = request.do === "start" ? request.name : "";
    take(request, response);
    if (!response.error) for (const id of budget) $(id).value = $(id).defaultValue;
    return response;
  } finally {
    clearTimeout(late);
    if (--beginnings === 0) {
      main.inert = false;
      focused?.focus();
    }
  }
}

$("start").addEventListener("change", () => begin({ do: "start", name: $("start").value }));
$("set").addEventListener("change", () => begin({ do: "set", name: $("set").value, texts: texts() }));

async function load(text) {
  if (!view) {
    say("The library is still loading: try again.");
    return;
  }
  text = text.replace(/\r\n?/g, "\n"); // as the editors have it
  const response = await begin({ do: "load", text, now: new Date().toISOString() });
  if (response.faults) {
    // The text is shown with its errors; what was on the screen before stays.
    editors.cluster.set(text);
    tab("cluster");
    say("");
    check();
  }
  if (!response.error) tab("manifest");
}

// open loads files as one text.
async function open(files) {
  try {
    await load((await Promise.all(Array.from(files, (file) => file.text()))).join("\n---\n"));
  } catch (err) {
    say(Array.from(files, (file) => file.name).join(", ") + ": " + err.message);
  }
}

$("file").addEventListener("change", async () => {
  if ($("file").files.length) await open($("file").files);
  $("file").value = "";
});
// isList reports whether a text is a list of objects, as kubectl prints them.
const isList = (text) => /^\s*(\{|apiVersion: v1$)/m.test(text) && /^\s*"?kind"?: "?List"?,?$/m.test(text);

addEventListener("dragover", (event) => {
  const file = event.dataTransfer.types.includes("Files");
  if (!file && event.target.closest?.("input, textarea, .cm-content")) return; // a text for that field
  event.preventDefault();
  document.body.classList.toggle("dropping", file);
});
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
// Before the editors see it: they would insert the file.
addEventListener("drop", async (event) => {
  document.body.classList.remove("dropping");
  const files = event.dataTransfer.files;
  const text = event.dataTransfer.getData("text/plain");
  if (!files.length && !isList(text)) return;
  event.preventDefault();
  event.stopPropagation();
  if (files.length) open(files);
  else load(text);
}, true);
// A list of objects that is pasted is a cluster, wherever the cursor is.
addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text/plain");
  if (!isList(text)) return;
  event.preventDefault();
  event.stopPropagation();
  load(text);
}, true);

let remembering = 0;

// remember puts the state into the address, once all is quiet.
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(async () => {
    if (view?.stale) {
      view.stale = false;
      await weigh();
    }
    await putLink();
    document.documentElement.dataset.link = "ready";
  }, 300);
  delete document.documentElement.dataset.link;
}

// putLink puts the state into the address, and returns why it cannot. The worker packs it: it may be
// large.
async function putLink() {
  const response = await ask({ do: "link", texts: texts() });
  fragment = response.fragment ?? "";
  const megabytes = (fragment.length / 1e6).toFixed(1);
  const error = response.error ?? (fragment.length > longest ? `The state is too large for a link: ${megabytes} MB.` : "");
  history.replaceState(null, "", error ? location.pathname + location.search : fragment);
  return error;
}

$("link").addEventListener("click", async () => {
  const error = await putLink();
  if (error) {
    say(error);
    return;
  }
  let where = "clipboard";
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    where = "address bar";
  }
  const message = `The link is in the ${where}.`;
  say(message);
  setTimeout(() => { if ($("status").textContent === message) say(""); }, 3000);
});

async function openLink(hash) {
  if (hash === fragment && fragment) return true;
  try {
    const state = await fromFragment(hash);
    if (!state) return false;
    const response = await begin({ do: "open", state });
    return !response.error || view !== null;
  } catch (err) {
    say(err.message);
    return view !== null;
  }
}
// The address may have another state again when the event comes.
addEventListener("hashchange", (event) => { if (view) openLink(new URL(event.newURL).hash); });

// Time.

let playing = null; // the call of play that goes on

function pause() {
  playing = null;
  $("play").textContent = "Play";
}

let aim = null; // the frame on its way to the screen

async function seek(frame) {
  pause();
  aim = frame;
  await send({ do: "seek", frame });
  if (aim === frame) aim = null;
}

// step counts from the frame on its way, so that no click of several is lost.
const step = (by) => seek(Math.min(Math.max((aim ?? view.frame) + by, 0), view.done ? view.frames - 1 : Infinity));

const atEnd = () => view.done && view.frame >= view.frames - 1;

async function play() {
  const mine = playing = {};
  $("play").textContent = "Pause";
  if (atEnd()) await send({ do: "seek", frame: 0 });
  while (playing === mine) {
    const perSecond = Number($("speed").value);
    // Faster than the eye, several passes are one step.
    const by = Math.max(1, Math.round(perSecond / 20));
    const began = performance.now();
    const response = await send({ do: "seek", frame: view.frame + by });
    if (playing !== mine) return;
    if (response.error || atEnd()) {
      pause();
      return;
    }
    await new Promise((done) => setTimeout(done, (1000 * by) / perSecond - (performance.now() - began)));
  }
}

$("play").addEventListener("click", () => (playing ? pause() : play()));
$("step").addEventListener("click", () => step(1));
$("back").addEventListener("click", () => step(-1));
$("first").addEventListener("click", () => seek(0));
$("end").addEventListener("click", () => { pause(); send({ do: "end" }); });

let wanted = null; // the frame under the thumb of the slider, until it is shown

$("scrub").addEventListener("input", async () => {
  const before = wanted;
  wanted = Number($("scrub").value);
  if (before !== null) return;
  for (let frame = null; frame !== wanted;) {
    frame = wanted;
    await seek(frame);
  }
  wanted = null;
});

const legend = (looks, sign, words) => {
  const item = element("li");
  const key = element("span", sign, looks + " key");
  key.setAttribute("aria-hidden", "true");
  item.append(key, words);
  return item;
};
fill("legend", [
  ...meanings.map(([code, sign, words]) => legend(looks(code, "-"), sign, words)),
  ...borders.map(([mark, words]) => legend(looks("n", mark), "", words)),
]);

$("status").addEventListener("click", () => say(""));
addEventListener("keydown", (event) => { if (event.key === "Escape") say(""); });

say("Loading the library …");
try {
  ask = await startEngine(frames);
  const { starts } = await ask({ do: "starts" });
  $("start").replaceChildren(new Option("your own objects", ""), ...starts.map((s) => new Option(s.title, s.name)));
  if (!(await openLink(location.hash))) {
    const message = $("status").textContent;
    await begin({ do: "start", name: "log-agent" });
    if (location.hash.length > 1 && message) say(message);
  }
  document.querySelector("header").inert = false;
  document.documentElement.dataset.ready = "true";
} catch (err) {
  say("The library could not be loaded: " + err.message);
}
