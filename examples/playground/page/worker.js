// The engine, away from the page, which goes on while an answer takes its time.
importScripts("wasm_exec.js");

// How long the engine records frames ahead before it looks at the next message.
const slice = 12;

let sent = 0; // points of the timeline that the page has
let shown = 0; // frame on the screen
let done = true;
let layout = 0;
let waits = false;

// The first begin a new recording; the others drop the frames behind the one on the screen.
const anew = ["start", "open", "load", "set", "apply"];
const drops = ["policy", "promote", "break"];

function ask(request) {
  if (anew.includes(request.do)) sent = 0;
  else if (drops.includes(request.do)) sent = Math.min(sent, shown);
  request.points = sent;
  request.layout = layout;
  const response = JSON.parse(playground(JSON.stringify(request)));
  if (response.frames) {
    sent = response.frames;
    done = response.done;
  }
  if (response.view) {
    shown = response.view.frame;
    layout = response.view.layout;
  }
  return response;
}

function recordAhead() {
  if (waits || done) return;
  waits = true;
  setTimeout(() => {
    waits = false;
    const response = ask({ do: "play", milliseconds: slice });
    postMessage({ id: 0, response });
    recordAhead();
  }, 0);
}

onmessage = async ({ data: { id, request } }) => {
  let response;
  try {
    if (request.do === "link") {
      const { toFragment } = await import("./link.js");
      response = { fragment: await toFragment(ask({ ...request, do: "state" }).state) };
    } else {
      response = ask(request);
    }
  } catch (err) {
    response = { error: String(err) };
  }
  postMessage({ id, response });
  recordAhead();
};

async function load() {
  const fetched = await fetch("engine.wasm.gz");
  if (!fetched.ok) throw new Error("engine.wasm.gz: " + fetched.status);
  let bytes = await fetched.arrayBuffer();
  const head = new Uint8Array(bytes, 0, 2);
  if (head[0] === 0x1f && head[1] === 0x8b) { // Some hosts decompress it on their own.
    bytes = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  }
  const go = new Go();
  globalThis.playgroundReady = () => postMessage({ ready: true });
  const { instance } = await WebAssembly.instantiate(bytes, go.importObject);
  await go.run(instance);
  throw new Error("the engine has stopped");
}

load().catch((err) => postMessage({ failed: String(err) }));
