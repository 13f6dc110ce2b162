// The timeline: how many nodes have an available pod, and a pod of the current template, pass
// by pass.

const width = 1000, height = 100;

export function createTimeline(parent, { onSeek }) {
  parent.innerHTML = `
    <svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-labelledby="timeline-title">
      <title id="timeline-title">Timeline</title>
      <path class="t-desired"/><path class="t-available"/><path class="t-updated"/><g></g><line class="t-now" y1="0" y2="${height}"/>
    </svg>
    <div class="t-keys"><span class="t-from"></span>
      <span><span class="swatch" style="background:var(--none)"></span>should run</span>
      <span><span class="swatch" style="background:var(--outdated)"></span>available</span>
      <span><span class="swatch" style="background:var(--updated)"></span>updated</span>
      <span><span class="swatch" style="background:var(--bad)"></span>you</span>
      <span class="t-to"></span></div>`;
  const svg = parent.querySelector("svg");
  const paths = [...svg.querySelectorAll("path")];
  const now = svg.querySelector(".t-now");
  const actions = svg.querySelector("g");
  const points = [];
  let drawn = false;

  const x = (i) => (points.length < 2 ? 0 : (i * width) / (points.length - 1));

  function draw() {
    drawn = false;
    const step = Math.max(1, Math.floor(points.length / width));
    let most = 1;
    for (const p of points) most = Math.max(most, p.desired, p.updated, p.available);
    const area = (of) => {
      let d = `M0 ${height}`;
      let last = null;
      for (let i = 0; i < points.length; i += step) {
        let low = Infinity;
        for (let j = i; j < Math.min(i + step, points.length); j++) low = Math.min(low, of(points[j]));
        const y = height - (low * height) / most;
        if (y !== last) d += `H${x(i).toFixed(1)}V${y.toFixed(1)}`;
        last = y;
      }
      return d + `H${width}V${height}Z`;
    };
    paths[0].setAttribute("d", area((p) => p.desired));
    paths[1].setAttribute("d", area((p) => p.available));
    paths[2].setAttribute("d", area((p) => Math.min(p.updated, p.available)));
    actions.innerHTML = points.map((p, i) => (p.action ? `<line class="t-action" x1="${x(i)}" x2="${x(i)}" y1="0" y2="${height}"/>` : "")).join("");
    const time = (s) => (s < 120 ? Math.round(s) + " s" : (s / 60).toFixed(1) + " min");
    parent.querySelector(".t-from").textContent = "0 s";
    parent.querySelector(".t-to").textContent = points.length ? time(points.at(-1).at) : "";
    svg.querySelector("title").textContent = `Timeline of ${points.length} passes and actions; ` +
      `at least ${points.reduce((low, p) => Math.min(low, p.available), Infinity)} nodes have an available pod.`;
  }

  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    onSeek(Math.round(((event.clientX - box.left) / box.width) * (points.length - 1)));
  });

  return {
    // add takes points from a frame on; those behind are dropped.
    add(from, more) {
      points.length = Math.min(points.length, from);
      for (const p of more ?? []) points.push(p);
      if (!drawn) {
        drawn = true;
        requestAnimationFrame(draw);
      }
    },
    at(frame) {
      now.setAttribute("x1", x(frame));
      now.setAttribute("x2", x(frame));
    },
  };
}
