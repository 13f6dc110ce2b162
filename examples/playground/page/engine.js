// The page's side of the worker.

// startEngine returns ask, which sends a request and resolves to the response. onAhead is called
// with what the engine records ahead.
export function startEngine(onAhead) {
  const worker = new Worker("worker.js");
  const waiting = new Map();
  let last = 0;
  let stopped = "";
  return new Promise((resolve, reject) => {
    const ask = (request) => new Promise((answer) => {
      if (stopped) {
        answer({ error: stopped });
        return;
      }
      last++;
      waiting.set(last, answer);
      worker.postMessage({ id: last, request });
    });
    // Who still waits is told so: a worker that is gone answers nobody.
    const stop = (reason) => {
      stopped = `The engine has stopped; reload the page. (${reason})`;
      reject(new Error(reason));
      for (const answer of waiting.values()) answer({ error: stopped });
      waiting.clear();
    };
    worker.onerror = (event) => stop(event.message ?? "worker.js");
    worker.onmessage = ({ data }) => {
      if (data.ready) resolve(ask);
      else if (data.failed) stop(data.failed);
      else if (data.id === 0) onAhead(data.response);
      else {
        waiting.get(data.id)?.(data.response);
        waiting.delete(data.id);
      }
    };
  });
}
