// The page's side of the worker.

// startEngine returns ask, which sends a request and resolves to the response. onAhead is called
// with what the engine records ahead.
export function startEngine(onAhead) {
  const worker = new Worker("worker.js");
  const waiting = new Map();
  let last = 0;
  return new Promise((resolve, reject) => {
    const ask = (request) => new Promise((answer) => {
      last++;
      waiting.set(last, answer);
      worker.postMessage({ id: last, request });
    });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => {
      if (data.ready) resolve(ask);
      else if (data.failed) reject(new Error(data.failed));
      else if (data.id === 0) onAhead(data.response);
      else {
        waiting.get(data.id)(data.response);
        waiting.delete(data.id);
      }
    };
  });
}
