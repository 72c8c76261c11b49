// The stream of events of all windows of a browser: a shared worker, since a browser opens at most six connections to a
// host. Its name is the path of the stream. The stream is open while a window is visible.
"use strict";

const visible = new Set();
let stream = null;
let revision = null;

const send = (kind, data) => {
  for (const port of visible) port.postMessage({ kind, data });
};
const update = () => {
  if (visible.size === 0) {
    if (stream) stream.close();
    stream = null;
    revision = null;
  } else if (!stream || stream.readyState === EventSource.CLOSED) {
    // A stream is closed for good when its session ends; the next page of a new session opens it again.
    revision = null;
    stream = new EventSource(self.name);
    stream.addEventListener("revision", (event) => {
      revision = event.data;
      send("revision", revision);
    });
    stream.addEventListener("tick", (event) => send("tick", event.data));
  }
};
self.addEventListener("connect", ({ ports: [port] }) => {
  port.addEventListener("message", ({ data: isVisible }) => {
    if (isVisible) visible.add(port);
    else visible.delete(port);
    update();
    if (isVisible && revision !== null) port.postMessage({ kind: "revision", data: revision });
  });
  port.start();
});
