// A link holds the whole state in its fragment: JSON, deflated, in base64url.

const prefix = "#1.";

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

export async function toFragment(state) {
  const bytes = await through(new TextEncoder().encode(JSON.stringify(state)), new CompressionStream("deflate-raw"));
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return prefix + btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// longest is how long an address may be: browsers cut off or refuse longer ones.
export const longest = 2_000_000;

// fromFragment returns the state, null without one, and throws if it is damaged.
export async function fromFragment(fragment) {
  if (!fragment || fragment === "#") return null;
  if (!fragment.startsWith(prefix)) throw new Error("the link is of another kind");
  try {
    const text = atob(fragment.slice(prefix.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const state = JSON.parse(new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw"))));
    if (typeof state.texts === "object") return state;
  } catch {}
  throw new Error("the link is damaged: it may have been cut off");
}
